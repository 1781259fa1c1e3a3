import type { Attachment } from 'svelte/attachments';

export interface RovingOptions {
	/** What takes part: buttons and links unless told. */
	selector?: string;
	orientation?: 'horizontal' | 'vertical' | 'both';
	/** Called when an arrow has moved the focus. */
	onmove?: (element: HTMLElement) => void;
}

/**
 * One stop of the Tab key for a group of controls; arrows, Home and End walk inside. For elements with a role that promises it: toolbar,
 * tablist, grid. The first control, or the last that had the focus, is the stop.
 */
export function roving({ selector = 'button:not(:disabled), a[href]', orientation = 'horizontal', onmove }: RovingOptions = {}): Attachment<HTMLElement> {
	return (group) => {
		const members = () => Array.from(group.querySelectorAll<HTMLElement>(selector));
		const settle = (current?: HTMLElement) => {
			const all = members();
			const stop = current ?? all.find((e) => e.tabIndex === 0 && e.hasAttribute('tabindex')) ?? all[0];
			for (const e of all) {
				const wanted = e === stop ? '0' : '-1';
				if (e.getAttribute('tabindex') !== wanted) e.setAttribute('tabindex', wanted);
			}
		};
		const keydown = (event: KeyboardEvent) => {
			const all = members();
			const at = all.indexOf(document.activeElement as HTMLElement);
			if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
			const rtl = getComputedStyle(group).direction === 'rtl';
			const across = orientation !== 'vertical';
			const along = orientation !== 'horizontal';
			let to: number;
			if (across && event.key === (rtl ? 'ArrowLeft' : 'ArrowRight')) to = at + 1;
			else if (across && event.key === (rtl ? 'ArrowRight' : 'ArrowLeft')) to = at - 1;
			else if (along && event.key === 'ArrowDown') to = at + 1;
			else if (along && event.key === 'ArrowUp') to = at - 1;
			else if (event.key === 'Home') to = 0;
			else if (event.key === 'End') to = all.length - 1;
			else return;
			event.preventDefault();
			event.stopPropagation();
			const next = all[(to + all.length) % all.length]!;
			next.focus();
			onmove?.(next);
		};
		const focusin = (event: FocusEvent) => {
			const member = (event.target as HTMLElement).closest<HTMLElement>(selector);
			if (member && group.contains(member)) settle(member);
		};
		settle();
		const watcher = new MutationObserver(() => settle());
		watcher.observe(group, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled'] });
		group.addEventListener('keydown', keydown);
		group.addEventListener('focusin', focusin);
		return () => {
			watcher.disconnect();
			group.removeEventListener('keydown', keydown);
			group.removeEventListener('focusin', focusin);
		};
	};
}
