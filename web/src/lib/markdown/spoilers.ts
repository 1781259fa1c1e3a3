/**
 * Shows the spoiler that was clicked, or on which Enter or the space bar was pressed. One listener for clicks and one for keys
 * on the list of messages is enough. Tells whether there was one; the event is then done with.
 */
export function revealSpoiler(event: MouseEvent | KeyboardEvent): boolean {
	if (event instanceof KeyboardEvent && event.key !== 'Enter' && event.key !== ' ') return false;
	const target = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-spoiler="hidden"]') : null;
	if (target === null) return false;
	event.preventDefault();
	event.stopPropagation();
	target.dataset.spoiler = 'shown';
	for (const name of ['role', 'aria-label']) target.removeAttribute(name);
	target.tabIndex = -1; // keeps the focus where it is
	target.querySelector(':scope > [inert]')?.removeAttribute('inert');
	return true;
}
