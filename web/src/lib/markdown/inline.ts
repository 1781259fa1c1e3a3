import type { Delimiter, MarkdownIt, StateInline } from 'markdown-it';
import { everyoneWords } from './mentions';
import { safeAddress, webAddressAt } from './links';
import type { RenderEnv } from './context';

/** Adds what messages have beyond CommonMark to a parser: strikethrough, spoilers, mentions, rooms, custom emoji and bare addresses. */
export function addInlineRules(md: MarkdownIt): void {
	md.inline.ruler.at('text', text);
	md.inline.ruler.at('linkify', bareAddress);
	md.inline.ruler.at('strikethrough', pairs);
	md.inline.ruler2.at('strikethrough', closePairs);
	md.inline.ruler.before('escape', 'mention', mention);
	md.inline.ruler.push('room', roomLink);
	md.inline.ruler.push('custom_emoji', customEmoji);
}

const plain = /[^\n\\`*_~|[\]!<&@#:]+/y;

/** Text up to the next character that a rule may begin with. */
function text(state: StateInline, silent: boolean): boolean {
	plain.lastIndex = state.pos;
	const found = plain.exec(state.src)?.[0];
	if (found === undefined) return false;
	const end = Math.min(state.pos + found.length, state.posMax);
	if (!silent) state.pending += state.src.slice(state.pos, end);
	state.pos = end;
	return true;
}

/** http://… and https://… without any markup around. */
function bareAddress(state: StateInline, silent: boolean): boolean {
	if (silent || state.linkLevel > 0 || !state.src.startsWith('://', state.pos)) return false;
	const scheme = /(?:^|[^\p{L}\p{N}_])(https?)$/iu.exec(state.pending.slice(-7))?.[1];
	if (scheme === undefined) return false;
	const typed = webAddressAt(state.src.slice(0, state.posMax), state.pos - scheme.length);
	const href = typed.length > scheme.length + 3 ? safeAddress(typed) : '';
	if (href === '') return false;
	state.pending = state.pending.slice(0, -scheme.length);
	const open = state.push('link_open', 'a', 1);
	open.attrs = [['href', href]];
	open.info = 'auto';
	state.push('text', '', 0).content = typed;
	state.push('link_close', 'a', -1);
	state.pos += typed.length - scheme.length;
	return true;
}

// What stands between two equal runs of these becomes one thing. The parser only compares the numbers.
const strike = 0x7e;
const strikeSingle = 0x1007e;
const spoiler = 0x7c;

/** ~~struck~~ and ~struck~ (as goldmark does it), ||hidden||. */
function pairs(state: StateInline, silent: boolean): boolean {
	const char = state.src.charCodeAt(state.pos);
	if (silent || (char !== strike && char !== spoiler)) return false;
	const run = state.scanDelims(state.pos, true);
	const marker = char === spoiler ? spoiler : run.length === 1 ? strikeSingle : strike;
	const token = state.push('text', '', 0);
	token.content = state.src.slice(state.pos, state.pos + run.length);
	state.pos += run.length;
	if (run.length === 2 || marker === strikeSingle) {
		// A spoiler may begin and end with blanks: better hide too much than too little.
		const [open, close] = marker === spoiler ? [true, true] : [run.can_open, run.can_close];
		state.delimiters.push({ marker, length: 0, token: state.tokens.length - 1, end: -1, open, close });
	}
	return true;
}

function closePairs(state: StateInline): boolean {
	closePairsIn(state, state.delimiters);
	for (const meta of state.tokens_meta) if (meta?.delimiters) closePairsIn(state, meta.delimiters);
	return true;
}

function closePairsIn(state: StateInline, delimiters: Delimiter[]): void {
	for (const opener of delimiters) {
		const closer = delimiters[opener.end];
		if (closer === undefined || (opener.marker !== strike && opener.marker !== strikeSingle && opener.marker !== spoiler)) continue;
		const kind = opener.marker === spoiler ? 'spoiler' : 'del';
		for (const [at, nesting] of [[opener.token, 1], [closer.token, -1]] as const) {
			const token = state.tokens[at]!;
			token.type = nesting === 1 ? `${kind}_open` : `${kind}_close`;
			token.tag = kind === 'del' ? 'del' : 'span';
			token.nesting = nesting;
			token.content = '';
		}
	}
}

const name = /[A-Za-z0-9_]{1,64}/y;
const slug = /[A-Za-z0-9_-]{2,64}/y;
const emojiName = /:([A-Za-z0-9_+-]{1,32}):/y;

/** Whether a character, as the one before a mention, means that there is none. */
const joinsBefore = /[\p{L}\p{N}_@./]$/u;

/** @name. The server does not know of \@, so it mentions too. */
function mention(state: StateInline, silent: boolean): boolean {
	const escaped = state.src.startsWith('\\@', state.pos);
	const at = escaped ? state.pos + 1 : state.pos;
	if (silent || state.src.charCodeAt(at) !== 0x40) return false;
	if (!escaped && joinsBefore.test(before(state))) return false;
	const typed = matchAt(name, state, at + 1);
	if (typed === '') return false;
	const env = state.env as RenderEnv;
	const key = typed.toLowerCase();
	if (!env.mentioned.has(key)) return false;
	const everyone = everyoneWords.includes(key);
	const user = everyone ? null : env.context.user?.(key);
	if (everyone ? env.context.everyone === false : !user) return false;
	const token = state.push('mention', '', 0);
	token.content = '@' + (user?.name ?? typed);
	token.meta = { user: user ?? null, typed: '@' + typed, everyone: everyone ? key : null, inLink: state.linkLevel > 0 };
	state.pos = at + 1 + typed.length;
	return true;
}

/** #slug of a room that is known. */
function roomLink(state: StateInline, silent: boolean): boolean {
	if (silent || state.src.charCodeAt(state.pos) !== 0x23 || joinsBefore.test(before(state))) return false;
	const env = state.env as RenderEnv;
	let typed = matchAt(slug, state, state.pos + 1);
	while (typed.length >= 2) {
		const room = env.context.room?.(typed.toLowerCase());
		if (room) {
			const token = state.push('room', '', 0);
			token.content = '#' + room.name;
			token.meta = { room, inLink: state.linkLevel > 0 };
			state.pos += 1 + typed.length;
			return true;
		}
		if (!/[_-]$/.test(typed)) return false;
		typed = typed.slice(0, -1);
	}
	return false;
}

/** :name: of an emoji that the server has. */
function customEmoji(state: StateInline, silent: boolean): boolean {
	if (silent || state.src.charCodeAt(state.pos) !== 0x3a) return false;
	emojiName.lastIndex = state.pos;
	const found = emojiName.exec(state.src);
	if (found === null || state.pos + found[0].length > state.posMax) return false;
	const src = (state.env as RenderEnv).context.emoji?.(found[1]!);
	if (!src) return false;
	const token = state.push('custom_emoji', '', 0);
	token.content = found[0];
	token.meta = { name: found[1]!, src };
	state.pos += found[0].length;
	return true;
}

/** The character before the current one, whole. */
function before(state: StateInline): string {
	return state.src.slice(Math.max(0, state.pos - 2), state.pos);
}

function matchAt(pattern: RegExp, state: StateInline, at: number): string {
	pattern.lastIndex = at;
	return pattern.exec(state.src)?.[0].slice(0, state.posMax - at) ?? '';
}
