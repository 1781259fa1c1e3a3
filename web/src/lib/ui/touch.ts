let held = false;

/** Whether a finger that opened something by a long press is still down. */
export function touchHeld(): boolean {
	return held;
}

/** Remembers that a finger is down until it is lifted. */
export function holdTouch(): void {
	held = true;
	const lift = () => {
		held = false;
		removeEventListener('pointerup', lift, true);
		removeEventListener('pointercancel', lift, true);
	};
	addEventListener('pointerup', lift, true);
	addEventListener('pointercancel', lift, true);
}

/** The click that ends this press does nothing. */
export function swallowClick(): void {
	const swallow = (event: Event) => {
		event.preventDefault();
		event.stopPropagation();
		removeEventListener('click', swallow, true);
	};
	addEventListener('click', swallow, true);
	setTimeout(() => removeEventListener('click', swallow, true), 700);
}
