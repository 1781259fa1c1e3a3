/** One place on the page from which screen readers speak. */
export interface LivePlace {
	polite: string;
	assertive: string;
}

// Everything outside of an open dialog is silent, so each dialog has a place of its own and the newest is used.
const places: LivePlace[] = [];

/** Adds a place; returns what removes it. LiveRegion.svelte calls it. */
export function registerLive(place: LivePlace): () => void {
	places.push(place);
	return () => {
		const i = places.indexOf(place);
		if (i >= 0) places.splice(i, 1);
	};
}

/**
 * Has screen readers say a text once, without moving the focus. Assertive interrupts what is being said: for errors
 * that need an answer, nothing else.
 */
export function announce(text: string, urgency: 'polite' | 'assertive' = 'polite'): void {
	const place = places.at(-1);
	if (!place || !text) return;
	// The same text twice would be no change, and so be silent.
	place[urgency] = place[urgency] === text ? `${text}\u00a0` : text;
}
