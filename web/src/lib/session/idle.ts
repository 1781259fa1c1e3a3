// Whether anybody looks at this page. While nobody does, the server pushes notifications to the person's devices.

/** How long after the last sign of the person a page that can be seen counts as left. */
const leftAfter = 5 * 60_000;
/** How long a page may be out of sight: switching to another tab for a moment tells the server nothing. */
const hiddenFor = 30_000;
const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'focus'] as const;

/** Tells when nobody looks any more, and when somebody does again. */
export class Idle {
	#tell: (idle: boolean) => void;
	#idle = false;
	#running = false;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#last = 0;

	constructor(tell: (idle: boolean) => void) {
		this.#tell = tell;
	}

	get now() {
		return this.#idle;
	}

	start() {
		if (this.#running) return;
		this.#running = true;
		for (const sign of signs) addEventListener(sign, this.#sign, { passive: true, capture: true });
		document.addEventListener('visibilitychange', this.#seen);
		this.#seen();
	}

	stop() {
		this.#running = false;
		clearTimeout(this.#timer);
		for (const sign of signs) removeEventListener(sign, this.#sign, { capture: true });
		document.removeEventListener('visibilitychange', this.#seen);
		this.#idle = false;
	}

	#sign = () => {
		if (document.visibilityState === 'hidden') return;
		const now = Date.now();
		// a mouse that moves is not listened to at every pixel
		if (!this.#idle && now - this.#last < 1000) return;
		this.#last = now;
		this.#set(false);
		this.#after(leftAfter);
	};

	#seen = () => {
		if (document.visibilityState !== 'hidden') this.#sign();
		// a phone stops a page that is out of sight before any time is over
		else if (matchMedia('(pointer: coarse)').matches) this.#set(true);
		else this.#after(hiddenFor);
	};

	#after(ms: number) {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#set(true), ms);
	}

	#set(idle: boolean) {
		if (idle) clearTimeout(this.#timer);
		if (this.#idle === idle) return;
		this.#idle = idle;
		this.#tell(idle);
	}
}
