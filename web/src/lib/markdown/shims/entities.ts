// Stands in for the package "entities" (see the aliases in vite.config.ts): its table of names is 15 kB of what every visitor
// loads, and the browser has the same one.

let reader: HTMLTextAreaElement | undefined;

/** What one character reference, "&name;" or "&#number;", means; the reference itself if it means nothing. */
export function decodeHTMLStrict(reference: string): string {
	if (typeof document === 'undefined' || !/^&#?[A-Za-z0-9]+;$/.test(reference)) return reference;
	reader ??= document.createElement('textarea'); // it holds text alone: nothing in it can become an element
	reader.innerHTML = reference;
	const decoded = reader.value;
	// HTML also takes a beginning of what was typed for an old reference without a semicolon: "&ampx;" is not "&x;" here.
	return decoded.endsWith(';') && reference !== '&semi;' ? reference : decoded;
}
