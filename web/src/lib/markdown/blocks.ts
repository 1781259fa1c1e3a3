import type { MarkdownIt, StateBlock, StateCore, Token } from 'markdown-it';
import type { RenderEnv } from './context';
import { directionOf } from './direction';
import { contactsIn, isMisleading, placeOf, shownAddress } from './links';

/** How deep quotes and lists go, a list counting twice; what is deeper stays text. */
const deepest = 16;

/** How many cells a table has at most, those that are left out included. */
const mostCells = 2_000;

/** Bounds what a short text can become: the depth of quotes and lists, and the cells of tables. What is beyond stays text. */
export function boundBlocks(md: MarkdownIt): void {
	md.block.ruler.before('table', 'too_much', (state, start, end, silent) => {
		if (silent) return false;
		// The parser leaves out what is deeper than its own bound.
		const last = state.level >= deepest ? end : endOfGiantTable(state, start, end);
		if (last === start) return false;
		state.push('paragraph_open', 'p', 1).map = [start, last];
		const inline = state.push('inline', '', 0);
		inline.content = state.getLines(start, last, state.blkIndent, false).trim();
		inline.map = [start, last];
		inline.children = [];
		state.push('paragraph_close', 'p', -1);
		state.line = last;
		return true;
	});
}

/** Where a table with too many cells ends; start if there is none. */
function endOfGiantTable(state: StateBlock, start: number, end: number): number {
	const line = (n: number) => state.src.slice(state.bMarks[n]! + state.tShift[n]!, state.eMarks[n]);
	if (start + 2 >= end || !/^[|:-][-|: \t]*$/.test(line(start + 1))) return start;
	let last = start + 2;
	while (last < end && !state.isEmpty(last)) last++;
	return line(start + 1).split('|').length * (last - start) > mostCells ? last : start;
}

/** Adds the steps that turn CommonMark's tokens into those of a message. */
export function addCoreRules(md: MarkdownIt): void {
	md.core.ruler.push('message_blocks', blocks);
	md.core.ruler.push('message_links', (state) => {
		for (const token of state.tokens) {
			if (token.type === 'inline' && token.children) token.children = finishLinks(state, token.children);
		}
	});
}

const task = /^\[([ xX])\](?:\s|$)/;
const aligned = /text-align:(left|center|right)/;

function blocks(state: StateCore): void {
	const env = state.env as RenderEnv;
	let containers = 0;
	state.tokens.forEach((token, i) => {
		switch (token.type) {
			case 'blockquote_close':
			case 'bullet_list_close':
			case 'ordered_list_close':
				containers--;
				break;
			case 'blockquote_open':
			case 'bullet_list_open':
			case 'ordered_list_open':
				if (containers++ === 0) token.attrSet('dir', directionFrom(state.tokens, i));
				break;
			case 'paragraph_open':
				if (containers === 0) token.attrSet('dir', directionFrom(state.tokens, i));
				break;
			case 'heading_open':
				// A message is no section of the page: its headings only look like some.
				token.attrSet('class', `heading heading-${token.tag.slice(1)}`);
				if (containers === 0) token.attrSet('dir', directionFrom(state.tokens, i));
				token.tag = 'p';
				break;
			case 'heading_close':
				token.tag = 'p';
				break;
			case 'th_open':
			case 'td_open': {
				const align = aligned.exec(String(token.attrGet('style') ?? ''))?.[1];
				token.attrs = [['dir', directionFrom(state.tokens, i)]];
				if (align) token.attrSet('class', `align-${align}`);
				break;
			}
			case 'fence':
				if (languageOf(token.info) !== '') env.hasCode = true;
				break;
			case 'inline':
				if (state.tokens[i - 2]?.type === 'list_item_open' && state.tokens[i - 1]?.type === 'paragraph_open') checkbox(state, i);
				break;
		}
	});
}

/** The direction of a block by the first letter that its author wrote in it. Names of people and rooms do not count. */
function directionFrom(tokens: readonly Token[], open: number): 'ltr' | 'rtl' {
	const level = tokens[open]!.level;
	for (let i = open + 1; i < tokens.length && tokens[i]!.level > level; i++) {
		for (const token of tokens[i]!.children ?? []) {
			const found = token.type === 'text' || token.type === 'text_special' || token.type === 'code_inline' ? directionOf(token.content) : null;
			if (found !== null) return found;
		}
	}
	return 'ltr';
}

/** Turns "[ ] " at the beginning of a list item into a box. */
function checkbox(state: StateCore, at: number): void {
	const inline = state.tokens[at]!;
	const found = task.exec(inline.content);
	const first = inline.children?.[0];
	if (found === null || first?.type !== 'text' || !first.content.startsWith(found[0].trimEnd())) return;
	first.content = first.content.slice(found[0].trimEnd().length).replace(/^[ \t]*/, ' ');
	const box = new state.Token('checkbox', 'input', 0);
	box.meta = { checked: found[1] !== ' ' };
	inline.children!.unshift(box);
	state.tokens[at - 2]!.attrSet('class', 'task');
}

/** The language that a fence names, fit for a class; empty if it names none. */
export function languageOf(info: string): string {
	return /^\s*([A-Za-z0-9+#._-]{1,40})(?=\s|$)/.exec(info)?.[1] ?? '';
}

/** What a run of tokens says, without markup. */
export function textOf(tokens: readonly Token[], spoiler?: string): string {
	let out = '';
	let hidden = 0;
	for (const token of tokens) {
		if (token.type === 'spoiler_open' && spoiler !== undefined && hidden++ === 0) out += spoiler;
		else if (token.type === 'spoiler_close' && spoiler !== undefined) hidden--;
		if (hidden > 0) continue;
		if (token.type === 'softbreak' || token.type === 'hardbreak') out += '\n';
		else if (token.type === 'image') out += textOf(token.children ?? [], spoiler) || String(token.attrGet('src') ?? '');
		else if (token.type === 'checkbox') out += token.meta?.checked ? '☑' : '☐';
		else out += token.content;
	}
	return out;
}

/** Gives links what they need, makes links of pictures, and finds the addresses that are left in the text. */
function finishLinks(state: StateCore, tokens: Token[]): Token[] {
	const out: Token[] = [];
	const make = (type: string, tag: string, nesting: 1 | 0 | -1, content = ''): Token => {
		const token = new state.Token(type, tag, nesting);
		token.content = content;
		return token;
	};
	for (let i = 0; i < tokens.length; i++) {
		const token = tokens[i]!;
		if (token.type === 'link_open') {
			let end = i + 1;
			while (end < tokens.length && tokens[end]!.type !== 'link_close') end++;
			const inside = tokens.slice(i + 1, end).map((t) => (t.type === 'image' ? make('text', '', 0, textOf([t])) : t));
			out.push(...finishLink(state, token, inside, make('link_close', 'a', -1)));
			i = end;
		} else if (token.type === 'image') {
			const src = String(token.attrGet('src') ?? '');
			const open = make('link_open', 'a', 1);
			open.attrs = [['href', src]];
			const title = token.attrGet('title');
			if (title) open.attrSet('title', title);
			const alt = textOf(token.children ?? []);
			if (alt === '') open.info = 'auto';
			out.push(...finishLink(state, open, [make('text', '', 0, alt || src)], make('link_close', 'a', -1)));
		} else if (token.type === 'text' && /@|www\./i.test(token.content)) {
			let done = 0;
			for (const contact of contactsIn(token.content)) {
				if (contact.start > done) out.push(make('text', '', 0, token.content.slice(done, contact.start)));
				const open = make('link_open', 'a', 1);
				open.attrs = [['href', contact.href]];
				open.info = 'auto';
				const typed = make('text', '', 0, token.content.slice(contact.start, contact.end));
				out.push(...finishLink(state, open, [typed], make('link_close', 'a', -1)));
				done = contact.end;
			}
			if (done < token.content.length) out.push(make('text', '', 0, token.content.slice(done)));
		} else {
			out.push(token);
		}
	}
	return out;
}

function finishLink(state: StateCore, open: Token, inside: Token[], close: Token): Token[] {
	const env = state.env as RenderEnv;
	const href = String(open.attrGet('href') ?? '');
	const title = String(open.attrGet('title') ?? '');
	const bare = open.info === 'auto';
	if (href === '') return inside; // [text]()
	const label = textOf(inside);
	const place = placeOf(href, env.context.origin ?? '');
	if (place !== null) {
		open.attrs = [['href', place.path], ['class', 'place'], ['data-room', place.room]];
		if (place.message !== null) open.attrSet('data-message', place.message);
		const named = bare ? env.context.place?.(place.room, place.message) : null;
		if (named) inside[0]!.content = named;
		return [open, ...inside, close];
	}
	const mail = href.startsWith('mailto:');
	if (!mail) env.links.add(href);
	open.attrs = [['href', href]];
	if (bare && !mail) inside[0]!.content = shownAddress(label, href);
	else if (!bare) open.attrSet('title', title === '' ? href : `${title} — ${href}`);
	open.attrSet('rel', 'noopener noreferrer nofollow ugc');
	if (mail) return [open, ...inside, close];
	open.attrSet('target', '_blank');
	if (!isMisleading(label, href)) return [open, ...inside, close];
	const host = new state.Token('link_host', '', 0);
	host.content = new URL(href).hostname;
	return [open, ...inside, host, close];
}
