import type { Attachment } from 'svelte/attachments';
import { float, type Placement } from './floating';

export interface TooltipOptions {
	placement?: Placement;
	/** The text says more than the name of the control, and is read aloud after it. */
	describe?: boolean;
}

const id = 'ui-tooltip';
const delay = 450;

// One element shows the tooltip of whatever is pointed at: a page has hundreds of buttons and one pointer.
let bubble: HTMLElement | undefined;
let owner: Element | undefined;
let stopFloating: (() => void) | undefined;
let waiting: Element | undefined; // what the timer is about
let timer: ReturnType<typeof setTimeout> | undefined;
let lastHidden = -Infinity;

function element(): HTMLElement {
	if (!bubble) {
		bubble = document.createElement('div');
		bubble.id = id;
		bubble.className = 'tooltip';
		bubble.setAttribute('role', 'tooltip');
		bubble.setAttribute('popover', 'manual');
		bubble.addEventListener('pointerenter', () => clearTimeout(timer));
		bubble.addEventListener('pointerleave', () => hide());
	}
	if (!bubble.isConnected) document.body.append(bubble);
	return bubble;
}

function show(target: Element, text: string | undefined, { placement = 'top', describe = false }: TooltipOptions) {
	hide();
	if (!text || !target.isConnected) return;
	const tip = element();
	tip.textContent = text;
	tip.showPopover?.();
	owner = target;
	if (describe) target.setAttribute('aria-describedby', [target.getAttribute('aria-describedby'), id].filter(Boolean).join(' '));
	stopFloating = float(tip, target, { placement, gap: 6 });
	addEventListener('keydown', escape, true);
}

/** Hides the tooltip of the target, shown or still to come; without a target, whatever there is. */
function hide(target?: Element) {
	if (!target || target === waiting) clearTimeout(timer);
	if (!owner || (target && target !== owner)) return;
	const described = owner.getAttribute('aria-describedby')?.replace(id, '').trim();
	if (described) owner.setAttribute('aria-describedby', described);
	else if (described === '') owner.removeAttribute('aria-describedby');
	owner = undefined;
	lastHidden = performance.now();
	stopFloating?.();
	bubble?.hidePopover?.();
	bubble?.remove();
	removeEventListener('keydown', escape, true);
}

function escape(event: KeyboardEvent) {
	if (event.key !== 'Escape') return;
	hide();
	event.preventDefault(); // the first Escape is for the tooltip, the next for the dialog around it
	event.stopPropagation();
}

/**
 * Shows a text beside the element while it is pointed at or has the focus from the keyboard. Escape hides it; the pointer may rest on it.
 *
 * A text that is known only later can be given as a function, which is asked when the time has come.
 *
 *	<button {@attach tooltip('Bold (Ctrl B)')}>
 */
export function tooltip(text: string | (() => string | undefined) | undefined, options: TooltipOptions = {}): Attachment {
	return (target) => {
		if (!text) return;
		const begin = (event: Event) => {
			if ((event as PointerEvent).pointerType === 'touch') return;
			if (event.type === 'focusin' && !target.matches(':focus-visible')) return;
			clearTimeout(timer);
			if (target === owner) return;
			// Passing from one button of a row to the next shows the second at once.
			const passing = owner !== undefined || performance.now() - lastHidden < 300;
			waiting = target;
			timer = setTimeout(() => show(target, typeof text === 'function' ? text() : text, options), passing ? 0 : delay);
		};
		const end = () => {
			if (target !== owner) return hide(target);
			clearTimeout(timer);
			waiting = target;
			timer = setTimeout(() => hide(target), 80); // time to reach the tooltip itself
		};
		const now = () => hide(target);
		target.addEventListener('pointerenter', begin);
		target.addEventListener('pointerleave', end);
		target.addEventListener('focusin', begin);
		target.addEventListener('focusout', now);
		target.addEventListener('pointerdown', now);
		return () => {
			target.removeEventListener('pointerenter', begin);
			target.removeEventListener('pointerleave', end);
			target.removeEventListener('focusin', begin);
			target.removeEventListener('focusout', now);
			target.removeEventListener('pointerdown', now);
			hide(target);
		};
	};
}
