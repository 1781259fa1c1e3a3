/**
 * Text to safe HTML. What renderMessage and excerpt return is the only HTML that the page shows with {@html}. Fetching, state
 * and components do not belong here.
 */
export type { Labels, MessageContext, RenderedMessage } from './context';
export { excerpt, plainText, renderMessage, type TextRange } from './render';
export { revealSpoiler } from './spoilers';

/** Colours the blocks of code below an element that are not coloured yet. Loads what it needs first. */
export async function highlightWithin(element: ParentNode): Promise<void> {
	const { highlight } = await import('./highlight');
	highlight(element);
}
