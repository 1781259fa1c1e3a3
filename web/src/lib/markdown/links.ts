/** Characters that turn the direction of what follows: they make a text look like another one. */
export const directionControls = /[\u202a-\u202e\u2066-\u2069]/g;

/** The address as the browser will open it; empty if it is not one that a message may lead to: http, https and mailto. */
export function safeAddress(typed: string): string {
	let url: URL;
	try {
		url = new URL(typed);
	} catch {
		return '';
	}
	if (url.protocol === 'mailto:') return url.pathname.includes('@') ? url.href : '';
	return (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' ? url.href : '';
}

// As internal/core/mentions.go finds the addresses it makes previews of, with nothing but letters, digits, dots and dashes in the host.
const webAddress = /https?:\/\/(?:[^\s<>"'`\\^{}|/?#@]{0,64}@)?(?:\[[0-9a-f:.]{2,45}\]|[\p{L}\p{N}][\p{L}\p{N}.-]*)(?::\d{1,5})?(?:[/?#][^\s<>"'`\\^{}|]*)?/iuy;

/** The web address that begins at a place of a text, without what usually only follows one; empty if there is none. */
export function webAddressAt(text: string, at: number): string {
	webAddress.lastIndex = at;
	const found = webAddress.exec(text)?.[0] ?? '';
	return trimAddress(found);
}

/** Takes away the punctuation and the closing brackets that belong to the sentence around an address. */
export function trimAddress(address: string): string {
	let end = address.length;
	let round = count(address, '(') - count(address, ')');
	let square = count(address, '[') - count(address, ']');
	for (; end > 0; end--) {
		const last = address[end - 1]!;
		if (last === ')' && round < 0) round++;
		else if (last === ']' && square < 0) square++;
		else if (!'.,;:!?*_~'.includes(last)) break;
	}
	return address.slice(0, end);
}

function count(text: string, char: string): number {
	let n = 0;
	for (const c of text) if (c === char) n++;
	return n;
}

// A part of a host that cannot be mistaken for another: Latin letters with clear marks, or a script without lookalikes.
const latinLabel = /^[a-z0-9\u00df-\u00f6\u00f8-\u0130\u0132-\u0137\u0139-\u013f\u0141-\u017e\u0219\u021b-]+$/;
const eastAsianLabel = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u30fc0-9-]+$/u;

/** Whether a host reads as what it is, in the letters it was typed with. */
export function isReadableHost(host: string): boolean {
	return host
		.normalize('NFC')
		.toLowerCase()
		.split('.')
		.every((label) => latinLabel.test(label) || eastAsianLabel.test(label));
}

/** The host in an address as it was typed; empty if it has none. */
export function typedHost(typed: string): string {
	return /^[a-z]+:\/*(?:[^/?#\\]*@)?([^/?#\\:]*)/i.exec(typed)?.[1] ?? '';
}

/** How a bare address is shown: as it was typed, unless its host could be taken for another one. */
export function shownAddress(typed: string, href: string): string {
	const host = typedHost(typed);
	return host === '' || isReadableHost(host) ? typed : href;
}

const looksLikeAddress = /^(?:https?:|www\.|\/\/)|^[^\s/@]+\.[^\s/@.]{2,}(?:[/:?#]|$)/i;

/** Whether what a link says looks like an address, but of another place than where the link leads. */
export function isMisleading(label: string, href: string): boolean {
	const url = new URL(href);
	if (url.username !== '' || url.password !== '') return true;
	const text = label.normalize('NFKC').replace(/[\p{Cf}\s]+/gu, '');
	if (!looksLikeAddress.test(text)) return false;
	try {
		const said = new URL(/^https?:/i.test(text) ? text : 'https://' + text.replace(/^\/\//, ''));
		return bareHost(said.hostname) !== bareHost(url.hostname);
	} catch {
		return true;
	}
}

function bareHost(host: string): string {
	return host.replace(/^www\./, '').replace(/\.$/, '');
}

/** A room of this server, or one of its messages, as an address names it. */
export interface Place {
	room: string;
	message: string | null;
	/** Where it is inside the page. */
	path: string;
}

const token = '[A-Za-z0-9_-]{1,64}';
const pagePath = new RegExp(`^/r/(${token})(?:/m/(\\d{1,19}))?/?$`);
const noticePath = new RegExp(`^/rooms/(${token})$`); // what notifications lead to

/** The paths that placeOf makes. */
export const placePath = new RegExp(`^/r/${token}(?:/m/\\d{1,19})?(?:\\?thread=\\d{1,19})?$`);

/** The room or message that an address of this server leads to; null for every other address. */
export function placeOf(href: string, origin: string): Place | null {
	const url = new URL(href);
	if (origin === '' || url.origin !== origin || url.username !== '' || url.password !== '') return null;
	const [, room, named] = pagePath.exec(url.pathname) ?? noticePath.exec(url.pathname) ?? [];
	if (room === undefined) return null;
	const message = named ?? numberIn(url, 'message');
	const thread = numberIn(url, 'thread');
	return { room, message, path: `/r/${room}${message === null ? '' : `/m/${message}`}${thread === null ? '' : `?thread=${thread}`}` };
}

function numberIn(url: URL, name: string): string | null {
	const value = url.searchParams.get(name);
	return value !== null && /^\d{1,19}$/.test(value) ? value : null;
}

export interface Contact {
	start: number;
	end: number;
	href: string;
}

const localPart = /[A-Za-z0-9._%+'=-]/;
const mailHost = /[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62})+/y;
const wwwAddress = /(?<![\p{L}\p{N}@./:-])www(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?){2,}(?::\d+)?(?:[/?#][^\s<>"'`\\^{}|]*)?/giu;

/** Mail addresses and addresses that begin with www. in a text without markup, in their order. */
export function contactsIn(text: string): Contact[] {
	const found: Contact[] = [];
	if (/www\./i.test(text)) {
		for (const m of text.matchAll(wwwAddress)) {
			const typed = trimAddress(m[0]);
			const href = safeAddress('http://' + typed);
			if (href !== '') found.push({ start: m.index, end: m.index + typed.length, href });
		}
	}
	for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
		let start = at;
		while (start > 0 && at - start < 64 && localPart.test(text[start - 1]!)) start--;
		while (start < at && /[^A-Za-z0-9]/.test(text[start]!)) start++; // quotes and brackets around it
		mailHost.lastIndex = at + 1;
		const host = mailHost.exec(text)?.[0].replace(/-+$/, '');
		if (start === at || host === undefined) continue;
		const end = at + 1 + host.length;
		if (!found.some((c) => c.start < end && start < c.end)) found.push({ start, end, href: `mailto:${text.slice(start, end)}` });
	}
	return found.sort((a, b) => a.start - b.start);
}
