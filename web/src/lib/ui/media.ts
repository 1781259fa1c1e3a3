import { MediaQuery } from 'svelte/reactivity';

/** A media query that can be asked for where there is no screen, as in unit tests: then it does not match. */
function query(text: string): { readonly current: boolean } {
	return typeof matchMedia === 'function' ? new MediaQuery(text) : { current: false };
}

/** Reactive answers to questions about the screen. The widths are those of app.css. */
export const media = {
	/** One column. */
	phone: query('(max-width: 640px)'),
	/** No room for a panel beside the content. */
	narrow: query('(max-width: 960px)'),
	/** Used by finger. */
	coarse: query('(pointer: coarse)'),
	reducedMotion: query('(prefers-reduced-motion: reduce)'),
};
