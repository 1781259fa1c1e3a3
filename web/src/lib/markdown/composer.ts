import { safeAddress } from './links';

/** A text and what is selected in it, in UTF-16 code units, as a textarea has them. */
export interface Draft {
	text: string;
	from: number;
	to: number;
}

export type InlineStyle = 'bold' | 'italic' | 'strike' | 'code' | 'spoiler';
export type LineStyle = 'quote' | 'bullet' | 'ordered' | 'task';

const markers: Record<Exclude<InlineStyle, 'code'>, string> = { bold: '**', italic: '*', strike: '~~', spoiler: '||' };

/** What begins a line and is not part of what it says. */
const linePrefix = /^\s*(?:(?:>|#{1,6}|[-*+](?: \[[ xX]\])?|\d{1,9}[.)])[ \t]+|>)*/;

/** Puts the selection into a style, or takes it out if it is in it. Without a selection the caret ends between the marks. */
export function toggleStyle(draft: Draft, style: InlineStyle): Draft {
	const chosen = draft.text.slice(draft.from, draft.to);
	if (chosen.includes('\n')) return style === 'code' ? toggleFence(draft) : toggleStyleOfLines(draft, style);
	// Marks only work next to the words.
	const from = draft.from + (chosen.length - chosen.trimStart().length);
	const hugged = chosen.trim() === '' ? { ...draft, to: draft.from } : { text: draft.text, from, to: from + chosen.trim().length };
	return style === 'code' ? toggleCode(hugged) : toggleMarks(hugged, style);
}

function toggleMarks(draft: Draft, style: Exclude<InlineStyle, 'code'>): Draft {
	const { text, from, to } = draft;
	const mark = markers[style];
	const inner = text.slice(from, to);
	const around = surrounding(text.slice(0, from), text.slice(to), mark[0]!);
	if (has(around, style)) return replace(text, from - mark.length, to + mark.length, inner, 0, inner.length);
	const inside = inner === '' ? 0 : Math.min(leading(inner, mark[0]!), trailing(inner, mark[0]!), Math.floor((inner.length - 1) / 2));
	if (has(inside, style)) {
		const bare = inner.slice(mark.length, inner.length - mark.length);
		return replace(text, from, to, bare, 0, bare.length);
	}
	return replace(text, from, to, mark + inner + mark, mark.length, mark.length + inner.length);
}

/** Whether so many equal marks on both sides make a style: one star is italic, two are bold, three are both. */
function has(marks: number, style: Exclude<InlineStyle, 'code'>): boolean {
	if (style === 'italic') return marks === 1 || marks === 3;
	return style === 'bold' ? marks === 2 || marks === 3 : marks === 2;
}

function toggleStyleOfLines(draft: Draft, style: Exclude<InlineStyle, 'code'>): Draft {
	const mark = markers[style];
	const { start, end } = linesOf(draft);
	const parts = draft.text.slice(start, end).split('\n').map((line) => {
		const prefix = linePrefix.exec(line)![0];
		return { prefix, said: line.slice(prefix.length).trimEnd() };
	});
	const said = parts.filter((p) => p.said !== '');
	const styled = (line: string) => line.length > 2 * mark.length && has(Math.min(leading(line, mark[0]!), trailing(line, mark[0]!)), style);
	const off = said.length > 0 && said.every((p) => styled(p.said));
	const lines = parts.map(({ prefix, said: line }) => {
		if (line === '') return prefix;
		if (off) return prefix + line.slice(mark.length, -mark.length);
		return styled(line) ? prefix + line : prefix + mark + line + mark;
	});
	const after = lines.join('\n');
	return replace(draft.text, start, end, after, 0, after.length);
}

function toggleCode(draft: Draft): Draft {
	const { text, from, to } = draft;
	const inner = text.slice(from, to);
	const around = surrounding(text.slice(0, from), text.slice(to), '`');
	if (around === 1) return replace(text, from - 1, to + 1, inner, 0, inner.length);
	const whole = /^(`+)( ?)([^]*?[^`])\2\1$/.exec(inner);
	if (whole && !whole[3]!.includes(whole[1]!)) return replace(text, from, to, whole[3]!, 0, whole[3]!.length);
	if (!inner.includes('`')) return replace(text, from, to, '`' + inner + '`', 1, 1 + inner.length);
	const fence = '`'.repeat(longestRun(inner, '`') + 1);
	return replace(text, from, to, `${fence} ${inner} ${fence}`, fence.length + 1, fence.length + 1 + inner.length);
}

/** Makes a block of code of the selected lines, or lines of the selected block. */
export function toggleFence(draft: Draft): Draft {
	const { text } = draft;
	const { start, end } = linesOf(draft);
	const lines = text.slice(start, end);
	const block = /^(`{3,})[^\n`]*\n([^]*?)\n?\1[ \t]*$/.exec(lines);
	if (block) return replace(text, start, end, block[2]!, 0, block[2]!.length);
	const above = /(?:^|\n)(`{3,})[^\n`]*\n$/.exec(text.slice(0, start));
	const below = above && new RegExp(`^\\n${above[1]}[ \\t]*(?:\\n|$)`).exec(text.slice(end));
	if (above && below) {
		const from = start - above[0].replace(/^\n/, '').length;
		return replace(text, from, end + below[0].replace(/\n$/, '').length, lines, 0, lines.length);
	}
	const fence = '`'.repeat(Math.max(3, longestRun(lines, '`') + 1));
	return replace(text, start, end, `${fence}\n${lines}\n${fence}`, fence.length + 1, fence.length + 1 + lines.length);
}

const ownPrefix: Record<LineStyle, RegExp> = {
	quote: /^> ?/,
	bullet: /^[-*+] (?!\[[ xX]\] )/,
	ordered: /^\d{1,9}[.)] /,
	task: /^[-*+] \[[ xX]\] /,
};
const anyList = /^(?:[-*+] (?:\[[ xX]\] )?|\d{1,9}[.)] )/;

/** Makes the selected lines a quote or a list, or plain lines again if all of them are one. One list becomes another in place. */
export function toggleLines(draft: Draft, style: LineStyle): Draft {
	const { start, end } = linesOf(draft);
	const lines = draft.text.slice(start, end).split('\n');
	const own = ownPrefix[style];
	const full = lines.filter((line) => line.trim() !== '');
	const off = full.length > 0 && full.every((line) => own.test(line));
	let number = 0;
	const after = lines.map((line) => {
		if (off) return line.replace(own, '');
		if (style === 'quote') return '> ' + line;
		if (line.trim() === '' && lines.length > 1) return line;
		number++;
		return { bullet: '- ', ordered: `${number}. `, task: '- [ ] ' }[style] + line.replace(anyList, '');
	});
	const text = after.join('\n');
	if (draft.from !== draft.to) return replace(draft.text, start, end, text, 0, text.length);
	const caret = Math.max(0, draft.from - start + text.length - (end - start));
	return replace(draft.text, start, end, text, caret, caret);
}

const listItem = /^((?:> ?)*[ \t]*)([-*+]|(\d{1,9})([.)]))( +)(\[[ xX]\] +)?/;
const quoteLine = /^(?:> ?)+/;

/**
 * What a line break does inside of a list or a quote: it begins the next item, or ends the list if the item is empty. Null where
 * a line break is only that.
 */
export function continueLine(draft: Draft): Draft | null {
	const { text, from, to } = draft;
	if (from !== to || isInFence(text, from)) return null;
	const start = text.lastIndexOf('\n', from - 1) + 1;
	const end = endOfLine(text, from);
	const line = text.slice(start, end);
	const item = listItem.exec(line);
	const prefix = item ?? quoteLine.exec(line);
	if (prefix === null || from - start < prefix[0].length) return null;
	if (line.slice(prefix[0].length).trim() === '') {
		const left = item ? item[1]!.replace(/[ \t]+$/, (blank) => (item[1]!.includes('>') ? ' ' : blank.slice(2))) : '';
		return replace(text, start, end, left, left.length, left.length);
	}
	let next = prefix[0];
	if (item) {
		const marker = item[3] === undefined ? item[2]! : `${Number(item[3]) + 1}${item[4]}`;
		next = item[1]! + marker + item[5]! + (item[6] === undefined ? '' : '[ ] ');
	}
	return replace(text, from, from, '\n' + next, next.length + 1, next.length + 1);
}

/** Makes the selection a link when an address is pasted over it. Null if what is pasted is none, or the selection cannot be a label. */
export function pasteLink(draft: Draft, pasted: string): Draft | null {
	const { text, from, to } = draft;
	const label = text.slice(from, to);
	const address = pasted.trim();
	if (label.trim() === '' || label.includes('\n') || /\s/.test(address) || safeAddress(address) === '') return null;
	if (safeAddress(label.trim()) !== '' || isInCode(text, from) || text.slice(0, from).endsWith('](')) return null;
	const target = /[()<>\\]/.test(address) ? `<${address.replace(/[<>\\]/g, (c) => encodeURIComponent(c))}>` : address;
	const link = `[${label.replace(/[[\]]/g, '\\$&')}](${target})`;
	return replace(text, from, to, link, link.length, link.length);
}

export interface Completion {
	kind: 'user' | 'room' | 'emoji' | 'command';
	/** What was typed of the name so far, without the character that begins it. */
	query: string;
	/** What a choice replaces, the beginning character included. */
	from: number;
	to: number;
	/** The name of an emoji was ended with its second colon: if there is such an emoji, it is meant. */
	closed?: true;
}

const triggers: { kind: 'user' | 'room' | 'emoji'; before: RegExp; after: RegExp }[] = [
	{ kind: 'user', before: /(?:^|[^\p{L}\p{N}_@./])@([\p{L}\p{N}_]{0,64})$/u, after: /^[A-Za-z0-9_]*/ },
	{ kind: 'room', before: /(?:^|[^\p{L}\p{N}_@./#&])#([\p{L}\p{N}_-]{0,64})$/u, after: /^[A-Za-z0-9_-]*/ },
	{ kind: 'emoji', before: /(?:^|[^\p{L}\p{N}_:/]):([\p{L}\p{N}_+-]{2,64})$/u, after: /^[A-Za-z0-9_+-]*:?/ },
];
const closedEmoji = /(?:^|[^\p{L}\p{N}_:/]):([\p{L}\p{N}_+-]{1,64}):$/u;

/** What is being typed at the caret that can be completed; null if nothing is. Nothing is inside of code. */
export function completionAt(text: string, caret: number): Completion | null {
	const start = Math.max(text.lastIndexOf('\n', caret - 1) + 1, caret - 80);
	const before = text.slice(start, caret);
	const command = text.startsWith('/') ? /^\/([a-z0-9_-]{0,32})$/i.exec(text.slice(0, caret)) : null;
	if (command) return { kind: 'command', query: command[1]!, from: 0, to: caret + /^[a-z0-9_-]*/i.exec(text.slice(caret))![0].length };
	if (!/[@#:]/.test(before) || isInCode(text, caret)) return null;
	for (const { kind, before: pattern, after } of triggers) {
		const query = pattern.exec(before)?.[1];
		if (query === undefined) continue;
		return { kind, query, from: caret - query.length - 1, to: caret + after.exec(text.slice(caret))![0].length };
	}
	const closed = closedEmoji.exec(before)?.[1];
	if (closed !== undefined) return { kind: 'emoji', query: closed, from: caret - closed.length - 2, to: caret, closed: true };
	return null;
}

/** Puts a choice in the place of what was typed, and the caret behind it. A blank follows if none is there. */
export function complete(text: string, completion: Completion, choice: string): Draft {
	const blank = /^\s/.test(text.slice(completion.to)) ? '' : ' ';
	const caret = choice.length + 1;
	return replace(text, completion.from, completion.to, choice + blank, caret, caret);
}

/** The smallest change that makes one text of another, for editors that keep a history of changes. */
export function changeBetween(before: string, after: string): { from: number; to: number; insert: string } {
	let from = 0;
	const most = Math.min(before.length, after.length);
	while (from < most && before[from] === after[from]) from++;
	let tail = 0;
	while (tail < most - from && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
	return { from, to: before.length - tail, insert: after.slice(from, after.length - tail) };
}

/** Whether a place is inside of a block of code, finished or not. */
export function isInFence(text: string, at: number): boolean {
	let fence = '';
	for (const line of text.slice(0, at).split('\n')) {
		const found = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/.exec(line);
		if (found === null) continue;
		if (fence === '') fence = found[1]![0] === '`' && found[2]!.includes('`') ? '' : found[1]!;
		else if (found[1]!.startsWith(fence) && found[2]!.trim() === '') fence = '';
	}
	return fence !== '';
}

function isInCode(text: string, at: number): boolean {
	const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
	return line.replace(/`[^`]*`/g, '').includes('`') || isInFence(text, at);
}

function replace(text: string, from: number, to: number, insert: string, selectFrom: number, selectTo: number): Draft {
	return { text: text.slice(0, from) + insert + text.slice(to), from: from + selectFrom, to: from + selectTo };
}

function linesOf({ text, from, to }: Draft): { start: number; end: number } {
	// A selection that ends right behind a line break does not mean the next line.
	const last = to > from && text[to - 1] === '\n' ? to - 1 : to;
	return { start: text.lastIndexOf('\n', from - 1) + 1, end: endOfLine(text, last) };
}

function endOfLine(text: string, at: number): number {
	const end = text.indexOf('\n', at);
	return end < 0 ? text.length : end;
}

function surrounding(before: string, after: string, char: string): number {
	return Math.min(trailing(before, char), leading(after, char));
}

function leading(text: string, char: string): number {
	let n = 0;
	while (n < text.length && text[n] === char) n++;
	return n;
}

function trailing(text: string, char: string): number {
	let n = 0;
	while (n < text.length && text[text.length - 1 - n] === char) n++;
	return n;
}

function longestRun(text: string, char: string): number {
	let longest = 0;
	for (let i = 0; i < text.length; i++) {
		const run = leading(text.slice(i), char);
		longest = Math.max(longest, run);
		i += run;
	}
	return longest;
}
