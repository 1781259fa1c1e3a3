// What fingers do to a message: pressed long, it opens its menu; pulled towards the end of the line, it is replied to.
import type { Attachment } from 'svelte/attachments';

export interface GestureOptions {
	row: (target: EventTarget | null) => HTMLElement | null;
	press: (row: HTMLElement, x: number, y: number) => void;
	mayReply: (row: HTMLElement) => boolean;
	reply: (row: HTMLElement) => void;
}

const pressMilliseconds = 480;
const slack = 10; // pixels a resting finger moves
const far = 64; // pixels to pull

/** Places that move by themselves or have a use of their own for fingers. */
const own = 'pre, .table-scroll, video, audio, input, textarea, [data-spoiler="hidden"]';

export function gestures(options: GestureOptions): Attachment<HTMLElement> {
	return (list) => {
		let row: HTMLElement | null = null;
		let x = 0;
		let y = 0;
		let pulled = 0;
		let pulling = false;
		let timer: ReturnType<typeof setTimeout> | undefined;
		let opened = false;

		const end = () => {
			clearTimeout(timer);
			if (row && pulling) {
				row.style.removeProperty('translate');
				delete row.dataset.pulled;
			}
			row = null;
			pulling = false;
			pulled = 0;
		};
		const start = (event: TouchEvent) => {
			end();
			opened = false;
			if (event.touches.length !== 1 || !(event.target instanceof Element) || event.target.closest(own)) return;
			row = options.row(event.target);
			x = event.touches[0]!.clientX;
			y = event.touches[0]!.clientY;
			const pressed = row;
			if (pressed) {
				timer = setTimeout(() => {
					opened = true;
					navigator.vibrate?.(10);
					options.press(pressed, x, y);
					end();
				}, pressMilliseconds);
			}
		};
		const move = (event: TouchEvent) => {
			if (!row) return;
			const dx = event.touches[0]!.clientX - x;
			const dy = event.touches[0]!.clientY - y;
			if (!pulling) {
				if (Math.hypot(dx, dy) < slack) return;
				clearTimeout(timer);
				const forward = getComputedStyle(row).direction === 'rtl' ? -dx : dx;
				if (Math.abs(dy) > Math.abs(dx) || forward < 0 || !options.mayReply(row)) {
					row = null;
					return;
				}
				pulling = true;
			}
			const sign = getComputedStyle(row).direction === 'rtl' ? -1 : 1;
			pulled = Math.max(0, Math.min(far * 1.4, sign * dx - slack));
			row.style.setProperty('translate', `${sign * pulled}px`);
			row.dataset.pulled = pulled >= far ? 'far' : 'near';
		};
		const done = (event: TouchEvent) => {
			const replied = pulling && pulled >= far ? row : null;
			end();
			if (opened) event.preventDefault(); // no click where the menu stands now
			if (replied) options.reply(replied);
		};
		const menu = (event: Event) => {
			if (opened) event.preventDefault();
		};
		list.addEventListener('touchstart', start, { passive: true });
		list.addEventListener('touchmove', move, { passive: true });
		list.addEventListener('touchend', done);
		list.addEventListener('touchcancel', end);
		list.addEventListener('contextmenu', menu, { capture: true });
		return () => {
			end();
			list.removeEventListener('touchstart', start);
			list.removeEventListener('touchmove', move);
			list.removeEventListener('touchend', done);
			list.removeEventListener('touchcancel', end);
			list.removeEventListener('contextmenu', menu, { capture: true });
		};
	};
}
