import type { Attachment } from 'svelte/attachments';
import type { Anchor } from './floating';
import { holdTouch, swallowClick } from './touch';

const longPress = 500;
const wobble = 10;

/**
 * Calls open with where a menu should stand, for a right click, the menu key, or a long press of a finger. Fields, selected text and clicks
 * with Shift keep the menu of the browser.
 */
export function contextmenu(open: (at: Anchor, target: Element) => void): Attachment<HTMLElement> {
	return (element) => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let from = { x: 0, y: 0 };
		const stop = () => clearTimeout(timer);

		const menu = (event: MouseEvent) => {
			stop();
			const target = event.target as Element;
			const selection = getSelection();
			const selected = !!selection && !selection.isCollapsed && selection.containsNode(target, true);
			if (event.shiftKey || selected || target.closest('input, textarea, [contenteditable="true"]')) return;
			event.preventDefault();
			event.stopPropagation();
			const byPointer = !('pointerType' in event) || event.pointerType !== '';
			if ('pointerType' in event && event.pointerType === 'touch') holdTouch();
			open(byPointer && event.button !== -1 ? { x: event.clientX, y: event.clientY } : target, target);
		};
		const down = (event: PointerEvent) => {
			stop();
			if (event.pointerType !== 'touch' || !event.isPrimary) return;
			from = { x: event.clientX, y: event.clientY };
			const target = event.target as Element;
			if (target.closest('input, textarea, [contenteditable="true"]')) return;
			// Android sends contextmenu by itself, and earlier; iOS does not.
			timer = setTimeout(() => {
				holdTouch();
				addEventListener('pointerup', swallowClick, { capture: true, once: true });
				open(from, target);
			}, longPress + 150);
		};
		const move = (event: PointerEvent) => {
			if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > wobble) stop();
		};

		element.addEventListener('contextmenu', menu);
		element.addEventListener('pointerdown', down);
		element.addEventListener('pointermove', move);
		element.addEventListener('pointerup', stop);
		element.addEventListener('pointercancel', stop);
		return () => {
			stop();
			element.removeEventListener('contextmenu', menu);
			element.removeEventListener('pointerdown', down);
			element.removeEventListener('pointermove', move);
			element.removeEventListener('pointerup', stop);
			element.removeEventListener('pointercancel', stop);
		};
	};
}
