import type { MarkdownIt } from 'markdown-it';
import { textOf } from './blocks';
import { directionOf } from './direction';
import { englishLabels, type MessageContext, type RenderedMessage, type RenderEnv } from './context';
import { isBigEmoji } from './emojiText';
import { directionControls } from './links';
import { mentionedNames } from './mentions';
import { makeParser } from './parser';
import { escapeText, sanitise } from './sanitise';

/** The longest text that is read as markdown, in UTF-16 code units: the longest message, all of it in characters of two units. */
const longest = 20_000;

let parser: MarkdownIt | undefined;

/**
 * Turns a message's markdown into HTML that is safe to put into the page. The same text in the same context gives the same
 * result, so that callers can keep it. Never throws; what is too long to be a message is shown as it was typed.
 */
export function renderMessage(text: string, context: MessageContext = {}): RenderedMessage {
	const clean = text.replace(directionControls, '');
	const bigEmoji = isBigEmoji(clean, (name) => !!context.emoji?.(name));
	if (clean.length > longest) return { html: asTyped(clean), bigEmoji, hasCode: false, links: [] };
	const env = newEnv(clean, context);
	try {
		parser ??= makeParser();
		const html = sanitise(parser.render(clean, env));
		return { html: html ?? asTyped(clean), bigEmoji, hasCode: env.hasCode, links: [...env.links] };
	} catch (err) {
		reportError(err); // one message must not take the room away
		return { html: asTyped(clean), bigEmoji, hasCode: false, links: [] };
	}
}

function newEnv(text: string, context: MessageContext): RenderEnv {
	const origin = context.origin ?? (typeof location === 'undefined' ? '' : location.origin);
	return {
		context: { ...context, origin },
		labels: { ...englishLabels, ...context.labels },
		mentioned: mentionedNames(text),
		links: new Set(),
		hasCode: false,
	};
}

function asTyped(text: string): string {
	return `<p dir="${directionOf(text) ?? 'ltr'}">${escapeText(text).replace(/\n/g, '<br>')}</p>`;
}

/** What stands for a spoiler where there is no place to show it. */
const spoilerBlocks = '▒▒▒▒▒';

/**
 * A message as one line of plain text, for notifications, replies and lists: without markup, and without giving spoilers away.
 * At most max characters, with … at the end if something is missing.
 */
export function plainText(text: string, max = 200, context: MessageContext = {}): string {
	const clean = text.slice(0, longest).replace(directionControls, '');
	parser ??= makeParser();
	const parts: string[] = [];
	for (const token of parser.parse(clean, newEnv(clean, context))) {
		if (token.type === 'inline') parts.push(textOf(token.children ?? [], spoilerBlocks));
		else if (token.type === 'fence' || token.type === 'code_block') parts.push(token.content);
	}
	return shorten(oneLine(parts.join(' ')), max);
}

function oneLine(text: string): string {
	return text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
}

/** Cuts a text to so many characters, none of them in half, and marks that it did. */
function shorten(text: string, max: number): string {
	if (text.length <= max) return text;
	const end = max - 1;
	const half = /[\ud800-\udbff]/.test(text[end - 1] ?? '');
	return text.slice(0, half ? end - 1 : end).trimEnd() + '…';
}

/** A part of a text, in UTF-16 code units, the end not included. */
export interface TextRange {
	start: number;
	end: number;
}

/**
 * The part of a text around its first highlight as one line of HTML: the text as it was typed, with <mark> around the ranges.
 * Ranges may overlap, come in any order and reach beyond the text. About max characters.
 */
export function excerpt(text: string, ranges: readonly TextRange[], max = 300): string {
	const marks = merged(ranges, text.length);
	const lead = Math.floor(max / 4);
	let from = 0;
	if (text.length > max && marks.length > 0) from = Math.max(0, Math.min(marks[0]!.start - lead, text.length - max));
	let to = Math.min(text.length, from + max);
	if (from > 0) from = wholeFrom(text, from);
	if (to < text.length && /[\udc00-\udfff]/.test(text[to]!)) to++;
	let html = from > 0 ? '…' : '';
	let done = from;
	for (const mark of marks) {
		const start = Math.max(mark.start, done);
		const end = Math.min(mark.end, to);
		if (start >= end) continue;
		html += shown(text.slice(done, start)) + '<mark>' + shown(text.slice(start, end)) + '</mark>';
		done = end;
	}
	return html + shown(text.slice(done, to)) + (to < text.length ? '…' : '');
}

function shown(text: string): string {
	return escapeText(text.replace(directionControls, '').replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' '));
}

/** The next place at or before which no word or character is cut in two, not far away. */
function wholeFrom(text: string, from: number): number {
	const blank = text.slice(from, from + 20).search(/\s/);
	if (blank >= 0 && blank < 20 && !/\s/.test(text[from - 1]!)) return from + blank + 1;
	return /[\udc00-\udfff]/.test(text[from]!) ? from - 1 : from;
}

function merged(ranges: readonly TextRange[], length: number): TextRange[] {
	const out: TextRange[] = [];
	const inside = ranges.map((r) => ({ start: Math.max(0, r.start), end: Math.min(length, r.end) })).filter((r) => r.start < r.end);
	for (const range of inside.sort((a, b) => a.start - b.start)) {
		const last = out.at(-1);
		if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
		else out.push(range);
	}
	return out;
}
