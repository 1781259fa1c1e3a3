import { describe, expect, it } from 'vitest';
import fixtures from './fixtures.json';
import { renderMessage } from './index';

/**
 * What a rendering says, in the words of the server's renderer (?render=html): without what only a page needs. Everything
 * else must be equal, so that a message looks the same wherever it is read.
 */
function canonical(html: string): string {
	const root = document.createElement('div');
	root.innerHTML = html;
	for (const wrapper of root.querySelectorAll('.table-scroll')) wrapper.replaceWith(...wrapper.childNodes);
	for (const heading of root.querySelectorAll('p.heading')) {
		const level = /heading-(\d)/.exec(heading.className)![1]!;
		const element = document.createElement(`h${level}`);
		element.append(...heading.childNodes);
		heading.replaceWith(element);
	}
	for (const cell of root.querySelectorAll('[class^="align-"]')) cell.setAttribute('align', cell.className.slice('align-'.length));
	return [...root.childNodes].map(write).filter((part) => part !== '').join('\n');
}

const kept: Record<string, string[]> = { a: ['href'], code: ['class'], ol: ['start'], th: ['align'], td: ['align'], input: ['type', 'checked', 'disabled'] };
const blocks = new Set('p blockquote ul ol li pre hr table thead tbody tr th td h1 h2 h3 h4 h5 h6'.split(' '));

function write(node: Node): string {
	if (!(node instanceof Element)) {
		const text = node.textContent ?? '';
		return text.trim() === '' && text.includes('\n') ? '' : text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
	}
	const name = node.localName;
	if (name === 'br') return '<br>';
	const attributes = (kept[name] ?? []).filter((a) => node.hasAttribute(a)).map((a) => ` ${a}="${a === 'href' ? new URL(node.getAttribute(a)!).href : node.getAttribute(a)}"`);
	let inside = [...node.childNodes].map(write).join('');
	if (node.parentElement?.localName === 'pre') inside = inside.replace(/\n$/, ''); // the last line may be unfinished
	else if (name !== 'pre' && name !== 'code') inside = inside.replace(/<br>\n/g, '<br>').replace(/\n(?=<(?:ul|ol|blockquote|pre)>)/g, '');
	if (blocks.has(name) && name !== 'pre') inside = inside.trim();
	return `<${name}${attributes.join('')}>${inside}</${name}>`;
}

describe('the dialect is that of the server', () => {
	it.each(fixtures.same.map((f) => [f.name, f] as const))('%s', (_name, { markdown, html }) => {
		expect(canonical(renderMessage(markdown).html)).toBe(canonical(html));
	});
});

describe('the dialect differs on purpose', () => {
	it.each(fixtures.different.map((f) => [f.name, f] as const))('%s', (_name, { markdown, server, page }) => {
		const here = canonical(renderMessage(markdown).html);
		expect(here).toBe(page);
		expect(here).not.toBe(canonical(server));
	});
});

describe('what is shown as a mention is one', () => {
	const people: Record<string, { id: string; name: string }> = { eve: { id: 'eve', name: 'Eve' }, bob: { id: 'bob', name: 'Bob' } };
	it.each(fixtures.mentions.map((f) => [f.name, f] as const))('%s', (_name, { markdown, mentioned }) => {
		const shown = document.createElement('div');
		shown.innerHTML = renderMessage(markdown, { user: (name) => people[name] }).html;
		const users = [...shown.querySelectorAll<HTMLElement>('[data-user]')].map((a) => a.dataset.user!);
		expect([...new Set(users)]).toEqual(mentioned);
	});
});
