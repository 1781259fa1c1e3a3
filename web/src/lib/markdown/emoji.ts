/**
 * Finds emoji by what people call them. The data are files of ours that are fetched when they are first needed; import this
 * module with import() only.
 */
import germanFile from 'emoji-picker-element-data/de/cldr/data.json?url';
import englishFile from 'emoji-picker-element-data/en/emojibase/data.json?url';

/** Unicode versions of emoji up to this one are drawn nearly everywhere. */
const newest = 15.1;

/** An entry of emoji-picker-element-data. */
interface Entry {
	emoji: string;
	annotation: string;
	shortcodes?: string[];
	tags?: string[];
	order: number;
	group: number;
	version: number;
	emoticon?: string | string[];
	skins?: { emoji: string; tone: number | number[]; version: number }[];
}

export interface Emoji {
	emoji: string;
	/** What it shows, in the language asked for. */
	name: string;
	/** Without colons; the one that people type most. */
	shortcode: string;
	/** The same in the five skin tones, from light to dark; empty if there are none. */
	skins: readonly string[];
}

/** The address of the data file for a language; for the picker. */
export function emojiFile(language: string): string {
	return language.toLowerCase().startsWith('de') ? germanFile : englishFile;
}

/** An emoji as the server keeps it: without the selector that makes a picture of what already is one. */
export function canonicalEmoji(emoji: string): string {
	return emoji.replace(/(\p{Emoji_Presentation})\ufe0f/gu, '$1');
}

interface Indexed {
	entry: Emoji;
	codes: string[];
	words: string[];
}

/** Emoji with their names, to search in. */
export class EmojiIndex {
	readonly #all: Indexed[] = [];
	readonly #byCode = new Map<string, Emoji>();

	constructor(english: readonly Entry[], local: readonly Entry[] = []) {
		const localByEmoji = new Map(local.map((entry) => [entry.emoji, entry]));
		for (const entry of [...english].sort((a, b) => a.order - b.order)) {
			if (entry.version > newest) continue;
			const translated = localByEmoji.get(entry.emoji);
			const codes = [...(entry.shortcodes ?? []), ...(translated?.shortcodes ?? [])];
			const found: Emoji = {
				emoji: canonicalEmoji(entry.emoji),
				name: translated?.annotation ?? entry.annotation,
				shortcode: bestCode(entry.shortcodes ?? []) ?? translated?.shortcodes?.[0] ?? foldName(entry.annotation).replace(/ /g, '_'),
				skins: (entry.skins ?? []).filter((s) => typeof s.tone === 'number').map((s) => canonicalEmoji(s.emoji)),
			};
			const names = [entry.annotation, ...(entry.tags ?? []), translated?.annotation ?? '', ...(translated?.tags ?? []), ...codes];
			this.#all.push({ entry: found, codes: codes.map(foldName), words: [...new Set(names.flatMap((name) => foldName(name).split(' ')))] });
			for (const code of codes) if (!this.#byCode.has(code)) this.#byCode.set(code, found);
		}
	}

	/** The emoji with exactly this shortcode, without colons. */
	named(shortcode: string): Emoji | undefined {
		return this.#byCode.get(shortcode.toLowerCase());
	}

	/** Emoji by shortcode, name or keyword, best first: whole shortcodes, then beginnings of them, then beginnings of words. */
	search(query: string, limit = 10): Emoji[] {
		const wanted = foldName(query);
		if (wanted === '') return [];
		const words = wanted.split(' ');
		const levels: Emoji[][] = [[], [], [], []];
		for (const { entry, codes, words: own } of this.#all) {
			if (codes.includes(wanted)) levels[0]!.push(entry);
			else if (codes.some((code) => code.startsWith(wanted))) levels[1]!.push(entry);
			else if (words.every((word) => own.includes(word))) levels[2]!.push(entry);
			else if (words.every((word) => own.some((o) => o.startsWith(word)))) levels[3]!.push(entry);
		}
		return levels.flat().slice(0, limit);
	}
}

/** People type short ones; +1 goes before thumbsup. */
function bestCode(codes: readonly string[]): string | undefined {
	return codes.find((code) => !code.includes('_')) ?? codes[0];
}

/** Names without case, accents and punctuation: "Grün" and "grun" are the same. */
function foldName(name: string): string {
	return name.normalize('NFKD').replace(/\p{M}+/gu, '').toLowerCase().replace(/ß/g, 'ss').replace(/[^\p{L}\p{N}+-]+/gu, ' ').trim();
}

const loading = new Map<string, Promise<EmojiIndex>>();

/** The index for a language, English and that of the language together; fetched once. A failed fetch is tried again the next time. */
export function loadEmoji(language: string, fetchJson: (url: string) => Promise<unknown> = fetchFile): Promise<EmojiIndex> {
	const local = emojiFile(language);
	let index = loading.get(local);
	if (index === undefined) {
		index = Promise.all([fetchJson(englishFile), local === englishFile ? [] : fetchJson(local)]).then(
			([english, translated]) => new EmojiIndex(english as Entry[], translated as Entry[]),
		);
		index.catch(() => loading.delete(local));
		loading.set(local, index);
	}
	return index;
}

async function fetchFile(url: string): Promise<unknown> {
	const answer = await fetch(url);
	if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
	return answer.json();
}
