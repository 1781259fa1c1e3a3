import { describe, expect, it, vi } from 'vitest';
import { allPayloads, payloads } from '../../../e2e/xss-payloads';
import { highlight } from './highlight';
import { excerpt, plainText, renderMessage, type MessageContext } from './index';
import { allowedAttributes, allowedElements, sanitise } from './sanitise';

/** A context in which whatever is named is called like the payload. */
function hostile(name: string): MessageContext {
	return {
		user: (username) => ({ id: name, name, self: username === 'eve' }),
		room: () => ({ id: name, name }),
		emoji: () => name,
		place: () => name,
		origin: 'https://chat.example',
		labels: { spoiler: name, table: name, code: name, done: name, open: name },
	};
}

const everything = '@eve #general :cat: ||x|| https://chat.example/r/3/m/77\n\n- [x] a\n\n|a|\n|-|\n|b|\n\n```go\nx\n```';

/** What is wrong with a rendering, read as the page reads it; nothing for what is harmless. */
function faults(html: string): string[] {
	const found: string[] = [];
	const template = document.createElement('template');
	template.innerHTML = html;
	const walker = document.createTreeWalker(template.content, NodeFilter.SHOW_ALL);
	for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
		if (node.nodeType === Node.TEXT_NODE) continue;
		if (!(node instanceof Element)) {
			found.push(`node ${node.nodeName}`);
			continue;
		}
		if (node.namespaceURI !== 'http://www.w3.org/1999/xhtml' || !allowedElements.includes(node.localName)) found.push(`<${node.localName}>`);
		for (const { name, value } of node.attributes) {
			if (!allowedAttributes.includes(name) && !(name === 'is' && value === '')) found.push(`${name}=`);
			if (name === 'href' && !harmlessAddress(value)) found.push(`href=${value}`);
			if (name === 'src' && !/^\/(?![/\\])/.test(value)) found.push(`src=${value}`);
		}
		if (node.localName === 'a' && /^https?:/.test(node.getAttribute('href') ?? '')) {
			if (node.getAttribute('rel') !== 'noopener noreferrer nofollow ugc') found.push(`rel=${node.getAttribute('rel')}`);
		}
		if (node.localName === 'input' && (node.getAttribute('type') !== 'checkbox' || !node.hasAttribute('disabled'))) found.push('input');
	}
	return found;
}

function harmlessAddress(value: string): boolean {
	if (/^\/r\/[A-Za-z0-9_-]+(?:\/m\/\d+)?(?:\?thread=\d+)?$/.test(value)) return true;
	try {
		return ['http:', 'https:', 'mailto:'].includes(new URL(value).protocol);
	} catch {
		return false;
	}
}

describe('the list of payloads', () => {
	it('is long enough and has none twice', () => {
		expect(allPayloads.length).toBeGreaterThanOrEqual(220);
		expect(new Set(allPayloads).size).toBe(allPayloads.length);
	});

	it('is found harmful when it is not sanitised', () => {
		// The check itself must see what it is there for.
		expect(payloads.elements.filter((p) => faults(p).length > 0).length).toBeGreaterThan(60);
		for (const fault of ['<p id=x>', '<p style="color:red">', '<a href="javascript:1">', '<a name=x>', '<img src="https://x.invalid/">', '<!-- x -->', '<svg>']) {
			expect(faults(fault)).not.toEqual([]);
		}
	});
});

describe.each(Object.entries(payloads))('%s', (_kind, list) => {
	it.each(list)('%j', (payload) => {
		const failed = vi.fn();
		vi.stubGlobal('reportError', failed);
		expect(faults(renderMessage(payload).html)).toEqual([]);
		expect(faults(renderMessage(payload, hostile(payload)).html)).toEqual([]);
		expect(faults(renderMessage(everything, hostile(payload)).html)).toEqual([]);
		expect(faults(renderMessage(`a ${payload} b\n> ${payload}\n\n||${payload}||`).html)).toEqual([]);
		expect(faults(sanitise(payload)!)).toEqual([]); // as if the parser had let it through
		const marked = excerpt(payload, [{ start: 0, end: 3 }, { start: 2, end: 9 }]);
		expect(faults(marked)).toEqual([]);
		expect(marked.replace(/<\/?mark>/g, '')).not.toMatch(/[<>]/);
		expect(plainText(payload)).not.toMatch(/[\u0000-\u001f\u202a-\u202e\u2066-\u2069]/);
		expect(failed).not.toHaveBeenCalled();
		vi.unstubAllGlobals();
	});
});

describe('coloured code', () => {
	it.each(['js', 'html', 'go', 'css', 'bash', 'json', 'yaml', 'python', 'rust', 'sql', 'java', 'diff'])('in %s is as harmless as before', (language) => {
		const shown = document.createElement('div');
		shown.innerHTML = renderMessage('````' + language + '\n' + allPayloads.filter((p) => p.length < 200).join('\n').slice(0, 19_000) + '\n````').html;
		const before = shown.textContent;
		highlight(shown);
		expect(shown.querySelector('code')!.classList).toContain('hljs');
		expect(shown.textContent).toBe(before);
		for (const element of shown.querySelectorAll('code *')) {
			expect(element.localName).toBe('span');
			expect(element.getAttributeNames()).toEqual(['class']);
			expect(element.className).toMatch(/^(?:hljs-|language-)[\w -]+$/);
		}
	});
});

describe('random texts', () => {
	// A small generator with a fixed seed (mulberry32): every run tries the same texts.
	let state = 20_261_120;
	const random = (below: number): number => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) % below;
	};
	const pieces = [
		...['a', 'word', ' ', '  ', '\n', '\n\n', '\t', '    ', '*', '**', '_', '__', '~', '~~', '`', '``', '```', '\n```\n', '||', '|', '> ', '- ', '1. ', '# ', '- [ ] ', '- [x] '],
		...['[', ']', '(', ')', '](', '![', '<', '>', '"', "'", '\\', '&', ';', '&#', '&lt;', '&quot;', '=', '/', ':', '://', '@', '#', '!', '\n|-|-|\n', '|a|b|', '\n---\n', '\n===\n'],
		...['https://', 'http://example.org', 'javascript:', 'data:text/html,', 'mailto:', 'www.', 'example.org', 'a@b.example', '@eve', '@room', '#general', ':cat:', 'onerror=', 'style=', 'id='],
		...['<img src=x onerror=', '<script>', '</script>', '<svg onload=', '<a href="', '<!--', '-->', '<style>', '<math>', 'https://chat.example/r/3/m/7', '[x]: ', '\u202e', '\u2066', '\u200d', '👍', '👩‍💻', 'ä', '漢', '\u0000', '\ud800', 'ש'],
	];
	const context: MessageContext = {
		user: (name) => (name === 'eve' ? { id: '7', name: 'Eve "<b>', self: true } : null),
		room: (slug) => (slug === 'general' ? { id: '3', name: 'General <i>' } : null),
		emoji: (name) => (name === 'cat' ? '/emoji/cat.png' : null),
		origin: 'https://chat.example',
	};

	it('never become anything but what messages are made of', () => {
		const failed = vi.fn();
		vi.stubGlobal('reportError', failed);
		for (let n = 0; n < 10_000; n++) {
			let text = '';
			for (let length = 1 + random(16); length > 0; length--) text += pieces[random(pieces.length)]!;
			const wrong = faults(renderMessage(text, context).html);
			if (wrong.length > 0 || failed.mock.calls.length > 0) expect.fail(`${JSON.stringify(text)}: ${wrong.join(', ')} ${String(failed.mock.calls[0]?.[0])}`);
			if (n % 8 !== 0) continue;
			const from = random(30) - 3;
			const marked = excerpt(text, [{ start: from, end: from + random(9) }], 40);
			if (/[<>]/.test(marked.replace(/<\/?mark>/g, ''))) expect.fail(`${JSON.stringify(text)}: ${marked}`);
			plainText(text, 60, context);
		}
		vi.unstubAllGlobals();
	}, 300_000);
});
