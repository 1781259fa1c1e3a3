import { describe, expect, it } from 'vitest';
import { excerpt, plainText, renderMessage, type MessageContext } from './index';

const context: MessageContext = {
	user: (name) => ({ eve: { id: '7', name: 'Eve', self: true }, bob: { id: '8', name: 'Bob <b>' } })[name],
	room: (slug) => ({ general: { id: '3', name: 'General' } })[slug],
	emoji: (name) => (name === 'cat' ? '/emoji/cat.png' : null),
	origin: 'https://chat.example',
};

describe('a message', () => {
	it.each([
		['a plain text is a paragraph', 'hello', '<p dir="auto">hello</p>\n'],
		['emphasis', '*a* **b** ~~c~~ ~d~ `e`', '<p dir="auto"><em>a</em> <strong>b</strong> <del>c</del> <del>d</del> <code>e</code></p>\n'],
		['line breaks are kept', 'a\nb', '<p dir="auto">a<br>\nb</p>\n'],
		['HTML is shown as it was typed', '<b>x</b>', '<p dir="auto">&lt;b&gt;x&lt;/b&gt;</p>\n'],
	])('%s', (_name, text, want) => {
		expect(renderMessage(text, context).html).toBe(want);
	});
});

describe('plain text', () => {
	it('has no markup and gives no spoiler away', () => {
		expect(plainText('**a** ||secret|| `c`\n- x')).toBe('a ▒▒▒▒▒ c x');
	});
});

describe('an excerpt', () => {
	it('marks the hits and escapes the rest', () => {
		expect(excerpt('<b>hi</b>', [{ start: 3, end: 5 }])).toBe('&#60;b&#62;<mark>hi</mark>&#60;/b&#62;');
	});
});
