// What the test DOM lacks, as far as the components of $lib/ui need it: dialogs and popovers open and close, without the
// top layer, the focus trap and the closing by a press outside. Those are tested in a real browser.

function toggled(element: HTMLElement, newState: 'open' | 'closed') {
	element.dispatchEvent(Object.assign(new Event('toggle'), { newState }));
}

globalThis.PointerEvent ??= class extends MouseEvent {
	readonly pointerId: number;
	readonly pointerType: string;
	readonly isPrimary: boolean;

	constructor(type: string, init: PointerEventInit = {}) {
		super(type, init);
		this.pointerId = init.pointerId ?? 1;
		this.pointerType = init.pointerType ?? 'mouse';
		this.isPrimary = init.isPrimary ?? true;
	}
} as typeof PointerEvent;

HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
	this.setAttribute('open', '');
	this.querySelector<HTMLElement>('button, input, select, textarea, a[href]')?.focus();
};
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
	this.removeAttribute('open');
};
HTMLElement.prototype.showPopover ??= function (this: HTMLElement) {
	this.dataset.shown = '';
	toggled(this, 'open');
};
HTMLElement.prototype.hidePopover ??= function (this: HTMLElement) {
	if (!('shown' in this.dataset)) return;
	delete this.dataset.shown;
	toggled(this, 'closed');
};
