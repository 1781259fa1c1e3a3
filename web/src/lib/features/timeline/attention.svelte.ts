// Whether somebody looks at the page: it is visible and has the focus.
class Attention {
	#visible = $state(typeof document === 'undefined' || document.visibilityState === 'visible');
	#focused = $state(typeof document === 'undefined' || document.hasFocus());

	constructor() {
		if (typeof document === 'undefined') return;
		document.addEventListener('visibilitychange', () => (this.#visible = document.visibilityState === 'visible'));
		addEventListener('focus', () => (this.#focused = true));
		addEventListener('blur', () => (this.#focused = document.hasFocus()));
	}

	get here(): boolean {
		return this.#visible && this.#focused;
	}
}

export const attention = new Attention();
