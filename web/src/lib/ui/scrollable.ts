import type { Attachment } from 'svelte/attachments';

const stops = 'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex="0"]';

/** Lets the keyboard scroll a region that has more than it shows and nothing in it to focus. */
export const scrollable: Attachment<HTMLElement> = (element) => {
	if (typeof ResizeObserver !== 'function') return;
	const settle = () => {
		const needed = element.scrollHeight > element.clientHeight && !element.querySelector(stops);
		if (needed) element.setAttribute('tabindex', '0');
		else element.removeAttribute('tabindex');
	};
	const sizes = new ResizeObserver(settle);
	sizes.observe(element);
	for (const child of element.children) sizes.observe(child);
	return () => sizes.disconnect();
};
