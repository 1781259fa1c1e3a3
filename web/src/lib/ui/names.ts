const hues = 12;

/** The colour of a name: the same for the same key, everywhere. A value for CSS. */
export function nameColour(key: string): string {
	let hash = 2166136261; // FNV-1a: short keys that differ by one letter fall far apart
	for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
	return `var(--name-${(((hash ^ (hash >>> 15)) >>> 0) % hues) + 1})`;
}

const letters = typeof Intl.Segmenter === 'function' ? new Intl.Segmenter() : undefined;

function first(word: string): string {
	if (!letters) return Array.from(word)[0] ?? '';
	for (const { segment } of letters.segment(word)) return segment;
	return '';
}

/** The first letters of the first and the last word of a name, or of the first alone. */
export function initials(name: string, most: 1 | 2 = 2): string {
	const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}\p{Emoji}]/u.test(word));
	const chosen = words.length > 1 && most === 2 ? [words[0]!, words.at(-1)!] : words.slice(0, 1);
	return chosen.map((word) => first(word.replace(/^[^\p{L}\p{N}\p{Emoji}]+/u, ''))).join('').toLocaleUpperCase() || '?';
}
