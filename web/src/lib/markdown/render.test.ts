import { describe, expect, it, vi } from 'vitest';
import { excerpt, highlightWithin, plainText, renderMessage, revealSpoiler, type MessageContext } from './index';
import { makeParser } from './parser';

vi.setConfig({ testTimeout: 60_000 });

const context: MessageContext = {
	user: (name) => ({ eve: { id: '7', name: 'Eve Ö.', self: true }, bob: { id: '8', name: 'Bob <b>' } })[name],
	room: (slug) => ({ general: { id: '3', name: 'General' }, 'a-b': { id: '4', name: 'A & B' } })[slug],
	emoji: (name) => ({ cat: '/emoji/cat.png', far: 'https://far.example/x.png' })[name],
	place: (room, message) => (room === '3' ? `#General ${message}` : null),
	origin: 'https://chat.example',
	labels: { spoiler: 'Verborgen, zeigen', done: 'Erledigt' },
};

function shown(text: string, ctx: MessageContext = context): HTMLElement {
	const element = document.createElement('div');
	element.innerHTML = renderMessage(text, ctx).html;
	return element;
}

const external = 'rel="noopener noreferrer nofollow ugc" target="_blank"';

describe('a message', () => {
	it.each([
		['a plain text is a paragraph', 'hello', 'hello'],
		['nothing is nothing', '', null],
		['line breaks are kept', 'a\nb', 'a<br>\nb'],
		['HTML is shown as it was typed', '<b>x</b>', '&lt;b&gt;x&lt;/b&gt;'],
		['strikethrough is deleted text', '~~a~~', '<del>a</del>'],
		[
			'a spoiler is a button until it is opened',
			'||a *b*||',
			'<span class="spoiler" data-spoiler="hidden" role="button" tabindex="0" aria-label="Verborgen, zeigen"><span class="spoiler-text" inert="">a <em>b</em></span></span>',
		],
		['marks alone hide nothing', '|| and |||| and |', '|| and |||| and |'],
		['code hides nothing', '`||a||`', '<code>||a||</code>'],
		['a mention of oneself', '@eve', '<a class="mention mention-self" role="button" tabindex="0" data-user="7" title="@eve"><bdi>@Eve Ö.</bdi></a>'],
		['a mention of somebody', '@BOB', '<a class="mention" role="button" tabindex="0" data-user="8" title="@BOB"><bdi>@Bob &lt;b&gt;</bdi></a>'],
		['a mention of nobody is text', '@carl', '@carl'],
		['a mention of everybody', '@here', '<span class="mention mention-everyone" data-everyone="here"><bdi>@here</bdi></span>'],
		['everybody by the other words', '@Everyone', '<span class="mention mention-everyone" data-everyone="everyone"><bdi>@Everyone</bdi></span>'],
		['a mention in a link is no link in a link', '[@eve](https://a.example/)', `<a href="https://a.example/" title="https://a.example/" ${external}><span class="mention"><bdi>@Eve Ö.</bdi></span></a>`],
		['a room', '#General!', '<a class="room" href="/r/3" data-room="3"><bdi>#General</bdi></a>!'],
		['a room with a dash', '#a-b-', '<a class="room" href="/r/4" data-room="4"><bdi>#A &amp; B</bdi></a>-'],
		['a room that is not known is text', '#nope', '#nope'],
		['a room in a word is text', 'a#general', 'a#general'],
		['a custom emoji', ':cat:!', '<img class="emoji" data-emoji="cat" src="/emoji/cat.png" alt=":cat:" title=":cat:" loading="lazy">!'],
		['a custom emoji that is not known is text', ':dog: 12:30:45', ':dog: 12:30:45'],
		['a custom emoji from elsewhere is not loaded', 'a :far: b', 'a  b'],
		['a link', '[a](https://a.example/b)', `<a href="https://a.example/b" title="https://a.example/b" ${external}>a</a>`],
		['a link with a title', '[a](https://a.example/ "T")', `<a href="https://a.example/" title="T — https://a.example/" ${external}>a</a>`],
		['an address', 'https://a.example/b', `<a href="https://a.example/b" ${external}>https://a.example/b</a>`],
		['an address in umlauts is readable', 'https://müller.example', `<a href="https://xn--mller-kva.example/" ${external}>https://müller.example</a>`],
		['an address in Japanese is readable', 'https://日本語.example', `<a href="https://xn--wgv71a119e.example/" ${external}>https://日本語.example</a>`],
		['a lookalike is not', 'https://аррӏе.example', `<a href="https://xn--80ak6aa92e.example/" ${external}>https://xn--80ak6aa92e.example/</a>`],
		['nor are mixed letters', 'https://exаmple.example', `<a href="https://xn--exmple-4nf.example/" ${external}>https://xn--exmple-4nf.example/</a>`],
		['a link that lies about its host says where it leads', '[bank.example](https://evil.example/)', `<a href="https://evil.example/" title="https://evil.example/" ${external}>bank.example <bdi class="link-host">(evil.example)</bdi></a>`],
		['a link that hides its host behind a name too', 'https://bank.example@evil.example/', `<a href="https://bank.example@evil.example/" ${external}>https://bank.example@evil.example/ <bdi class="link-host">(evil.example)</bdi></a>`],
		['a link with its own host does not', '[www.a.example](https://a.example/b)', `<a href="https://a.example/b" title="https://a.example/b" ${external}>www.a.example</a>`],
		['a mail address', 'a@b.example', '<a href="mailto:a@b.example" rel="noopener noreferrer nofollow ugc">a@b.example</a>'],
		['a picture is a link', '![a](https://a.example/p.png)', `<a href="https://a.example/p.png" title="https://a.example/p.png" ${external}>a</a>`],
		['a picture without words is its address', '![](https://a.example/p.png)', `<a href="https://a.example/p.png" ${external}>https://a.example/p.png</a>`],
		['a picture in a link is its words', '[![a](https://a.example/p.png)](https://a.example/)', `<a href="https://a.example/" title="https://a.example/" ${external}>a</a>`],
		['a message of this server', '[a](https://chat.example/r/5/m/77)', '<a href="/r/5/m/77" class="place" data-room="5" data-message="77">a</a>'],
		['a bare address of a message has its name', 'https://chat.example/r/3/m/77', '<a href="/r/3/m/77" class="place" data-room="3" data-message="77">#General 77</a>'],
		['or stays', 'https://chat.example/r/5', '<a href="/r/5" class="place" data-room="5">https://chat.example/r/5</a>'],
		['the address of a notification is one too', '<https://chat.example/rooms/5?message=77>', '<a href="/r/5/m/77" class="place" data-room="5" data-message="77">https://chat.example/rooms/5?message=77</a>'],
		['a thread', '[a](https://chat.example/r/5/m/77?thread=70)', '<a href="/r/5/m/77?thread=70" class="place" data-room="5" data-message="77">a</a>'],
		['another page of this server is a link like others', '[a](https://chat.example/api)', `<a href="https://chat.example/api" title="https://chat.example/api" ${external}>a</a>`],
		['a message of another server too', '[a](https://other.example/r/5/m/77)', `<a href="https://other.example/r/5/m/77" title="https://other.example/r/5/m/77" ${external}>a</a>`],
		['characters that turn the direction go', 'a\u202eb\u2066c', 'abc'],
	])('%s', (_name, text, want) => {
		expect(renderMessage(text, context).html).toBe(want === null ? '' : `<p dir="ltr">${want}</p>\n`);
	});

	it.each([
		['a heading looks like one and is none', '## a', '<p class="heading heading-2" dir="ltr">a</p>\n'],
		['a rule', '---', '<hr>\n'],
		['a list has one direction', '- a\n\n- b', '<ul dir="ltr">\n<li>\n<p>a</p>\n</li>\n<li>\n<p>b</p>\n</li>\n</ul>\n'],
		['a quote has one direction', '> a\n> - b', '<blockquote dir="ltr">\n<p>a</p>\n<ul>\n<li>b</li>\n</ul>\n</blockquote>\n'],
		['a task', '- [x] a', '<ul dir="ltr">\n<li class="task"><input type="checkbox" disabled="" checked="" aria-label="Erledigt"> a</li>\n</ul>\n'],
		['code goes from left to right', '```go\na\n```', '<pre dir="ltr" tabindex="0" role="group" aria-label="Code (go)"><code class="language-go">a\n</code></pre>\n'],
		['code without a language', '```\na\n```', '<pre dir="ltr" tabindex="0" role="group" aria-label="Code"><code>a\n</code></pre>\n'],
		[
			'a table can be scrolled by keys',
			'|a|\n|-:|\n|b|',
			'<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>\n<thead>\n<tr>\n<th dir="ltr" class="align-right">a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td dir="ltr" class="align-right">b</td>\n</tr>\n</tbody>\n</table></div>\n',
		],
	])('%s', (_name, text, want) => {
		expect(renderMessage(text, context).html).toBe(want);
	});

	it.each([
		['Latin letters', 'hello שלום', ['ltr']],
		['Hebrew letters', 'שלום hello', ['rtl']],
		['Arabic letters after signs and digits', '123 — مرحبا', ['rtl']],
		['no letters', '123 👍', ['ltr']],
		['each paragraph', 'hello\n\nשלום', ['ltr', 'rtl']],
		['a mention does not count', '@eve שלום', ['rtl']],
		['a list is of one direction', '- שלום\n- hello', ['rtl']],
		['a quote of a list too', '> - שלום\n> - hello', ['rtl']],
		['a list without letters at first', '- 1\n- שלום', ['rtl']],
		['a heading', '# שלום', ['rtl']],
		['cells', '|a|\n|-|\n|שלום|', ['ltr', 'rtl']],
		['emphasis and links', '**[שלום](https://a.example/)**', ['rtl']],
	])('goes in the direction of its first letter: %s', (_name, text, want) => {
		expect([...shown(text).querySelectorAll('[dir]')].map((e) => e.getAttribute('dir'))).toEqual(want);
	});

	it('does not show everybody as mentioned when nobody was', () => {
		expect(renderMessage('@room', { everyone: false }).html).toBe('<p dir="ltr">@room</p>\n');
	});

	it('has tables of a bounded size', () => {
		const rows = (n: number) => '|a|b|\n|-|-|\n' + '|c\n'.repeat(n);
		expect(shown(rows(20)).querySelectorAll('td')).toHaveLength(40);
		expect(shown(rows(1200)).querySelectorAll('table, td')).toHaveLength(0);
		expect(shown('> ' + rows(1200).replace(/\n/g, '\n> ') + '\n\nb').textContent).toContain('b');
	});

	it('says where its links lead, once each, and not those within the server', () => {
		const { links } = renderMessage('https://a.example/ [x](https://a.example/) b@c.example ![y](https://d.example/p.png) https://chat.example/r/3', context);
		expect(links).toEqual(['https://a.example/', 'https://d.example/p.png']);
	});

	it('says whether there is code to colour', () => {
		expect(renderMessage('```go\n```').hasCode).toBe(true);
		expect(renderMessage('```\n```').hasCode).toBe(false);
		expect(renderMessage('`go`').hasCode).toBe(false);
	});

	it('takes names of things that every object has for what they are', () => {
		expect(shown('@constructor #constructor :constructor: @__proto__', {}).querySelector('a, img')).toBeNull();
	});

	it('is shown as it was typed when it is too long to be one', () => {
		const { html } = renderMessage('*a*\n' + 'x'.repeat(20_000));
		expect(html.startsWith('<p dir="ltr">*a*<br>xxx')).toBe(true);
	});
});

describe('a message of emoji', () => {
	it.each([
		['one', '😀', true],
		['several', '😀 👍🏽\n🎉', true],
		['ten', '😀'.repeat(10), true],
		['eleven', '😀'.repeat(11), false],
		['families and professions count once', '👩‍👩‍👧‍👦👩🏽‍💻'.repeat(5), true],
		['a flag', '🇩🇪', true],
		['the flag of a part of a country', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', true],
		['half a flag', '🇩', false],
		['a keycap', '1️⃣#️⃣', true],
		['a digit', '1', false],
		['a heart with its selector', '❤️', true],
		['a heart on fire', '❤️‍🔥', true],
		['a sign that is text by default', '©', false],
		['a sign that is made a picture', '©️', true],
		['emoji of the server', ':cat::cat: 😀', true],
		['a name of no emoji', ':dog:', false],
		['text with it', '😀 a', false],
		['nothing', '', false],
		['blanks', ' \n ', false],
		['a joiner alone', '\u200d', false],
	])('%s', (_name, text, big) => {
		expect(renderMessage(text, context).bigEmoji).toBe(big);
	});
});

describe('a spoiler', () => {
	function page(): { list: HTMLElement; spoiler: HTMLElement; hits: boolean[] } {
		const list = shown('||a [b](https://a.example/)||');
		document.body.replaceChildren(list);
		const hits: boolean[] = [];
		list.addEventListener('click', (e) => hits.push(revealSpoiler(e)));
		list.addEventListener('keydown', (e) => hits.push(revealSpoiler(e)));
		return { list, spoiler: list.querySelector<HTMLElement>('.spoiler')!, hits };
	}

	it.each<[string, (s: HTMLElement) => void]>([
		['a click', (s) => s.click()],
		['Enter', (s) => s.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))],
		['the space bar', (s) => s.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true, cancelable: true }))],
	])('opens with %s and keeps the focus', (_name, act) => {
		const { spoiler, hits } = page();
		spoiler.focus();
		act(spoiler);
		expect(hits).toEqual([true]);
		expect(spoiler.dataset.spoiler).toBe('shown');
		expect(spoiler.getAttribute('role')).toBeNull();
		expect(spoiler.querySelector('[inert]')).toBeNull();
		expect(document.activeElement).toBe(spoiler);
	});

	it('stays closed for other keys, and open for more clicks', () => {
		const { spoiler, hits } = page();
		spoiler.dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab', bubbles: true }));
		expect(spoiler.dataset.spoiler).toBe('hidden');
		spoiler.click();
		spoiler.click();
		expect(hits).toEqual([false, true, false]);
	});
});

describe('plain text', () => {
	it.each([
		['has no markup', '**a** _b_ ~~c~~ `d` [e](https://a.example/)', 'a b c d e'],
		['is one line', 'a\nb\n\n- c\n- d\n\n> e\n\n# f', 'a b c d e f'],
		['gives no spoiler away', 'a ||b **c**|| d', 'a ▒▒▒▒▒ d'],
		['nor one in a spoiler', '||a ||b|| c||', '▒▒▒▒▒b▒▒▒▒▒'],
		['keeps code', '```go\nx := 1\n```', 'x := 1'],
		['shows tasks', '- [x] a\n- [ ] b', '☑ a ☐ b'],
		['shows the words of a picture', '![a](https://a.example/p.png)', 'a'],
		['shows people and rooms by their names', '@eve in #general :cat:', '@Eve Ö. in #General :cat:'],
		['shows a table', '|a|b|\n|-|-|\n|c|d|', 'a b c d'],
		['shows HTML as it was typed', '<b>a</b> &amp;', '<b>a</b> &'],
		['has no characters that turn the direction', 'a\u202eb', 'ab'],
		['is nothing for nothing', '', ''],
	])('%s', (_name, text, want) => {
		expect(plainText(text, 200, context)).toBe(want);
	});

	it.each([
		['short enough', 'abcde', 5, 'abcde'],
		['too long', 'abcdef', 5, 'abcd…'],
		['without a blank at the end', 'abc def', 5, 'abc…'],
		['without half a character', 'abc😀d', 5, 'abc…'],
	])('is as long as asked for: %s', (_name, text, max, want) => {
		expect(plainText(text, max)).toBe(want);
	});
});

describe('an excerpt', () => {
	const at = (text: string, ...words: string[]) => words.map((w) => ({ start: text.indexOf(w), end: text.indexOf(w) + w.length }));

	it.each([
		['marks a hit', 'a b c', ['b'], 'a <mark>b</mark> c'],
		['marks several', 'a b c', ['c', 'a'], '<mark>a</mark> b <mark>c</mark>'],
		['joins hits that touch', 'abcd', ['ab', 'bc', 'd'], '<mark>abcd</mark>'],
		['escapes everything', '<b>"a"&', ['a'], '&#60;b&#62;&#34;<mark>a</mark>&#34;&#38;'],
		['escapes what is marked', '<b>', ['<b>'], '<mark>&#60;b&#62;</mark>'],
		['keeps marks of markdown', '**a**', ['a'], '**<mark>a</mark>**'],
		['is one line', 'a\n\n b', ['b'], 'a <mark>b</mark>'],
		['without hits is the beginning', 'a b', [], 'a b'],
	])('%s', (_name, text, words, want) => {
		expect(excerpt(text, at(text, ...words))).toBe(want);
	});

	it('does not mind ranges that are not there', () => {
		expect(excerpt('abc', [{ start: -5, end: 1 }, { start: 2, end: 99 }, { start: 7, end: 8 }, { start: 2, end: 1 }])).toBe('<mark>a</mark>b<mark>c</mark>');
	});

	it('shows what is around the first hit', () => {
		const text = 'one '.repeat(200) + 'needle ' + 'two '.repeat(200);
		const html = excerpt(text, at(text, 'needle'), 60);
		expect(html).toMatch(/^…one (?:one )*<mark>needle<\/mark> (?:two )+t?w?o?…$/);
		expect(html.length).toBeLessThan(90);
	});

	it('cuts no character in two', () => {
		const text = '😀'.repeat(100) + 'x' + '😀'.repeat(100);
		for (let max = 8; max < 24; max++) {
			expect(excerpt(text, [{ start: 200, end: 201 }], max)).not.toMatch(/(?<![\ud800-\udbff])[\udc00-\udfff]|[\ud800-\udbff](?![\udc00-\udfff])/);
		}
	});
});

describe('the work for a message', () => {
	const n = 10_000;
	const repeated = (piece: string) => piece.repeat(Math.ceil(n / piece.length)).slice(0, n);

	/** How often the parser looks at a place of an inline text or at a line: what grows with the square of the length shows here. */
	function steps(text: string): number {
		const md = makeParser();
		let count = 0;
		for (const [of, name] of [[md.inline, 'skipToken'], [md.inline, 'tokenize'], [md.block, 'tokenize'], [md.helpers, 'parseLinkLabel']] as const) {
			const original = (of as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
			(of as unknown as Record<string, unknown>)[name] = function (this: unknown, ...args: unknown[]) {
				count++;
				return original.apply(this, args);
			};
		}
		const rules = md.inline.ruler.getRules('');
		rules.forEach((rule, i) => {
			rules[i] = (state, silent) => {
				count++;
				return rule(state, silent);
			};
		});
		md.render(text, { context: {}, labels: {}, mentioned: new Set(), links: new Set(), hasCode: false });
		return count;
	}

	it.each([
		['stars', repeated('*')],
		['stars and letters', repeated('*a ')],
		['stars that open', repeated('a **a ')],
		['underscores', repeated('_a_')],
		['stars and underscores', repeated('*_')],
		['nested emphasis', repeated('*a _b ')],
		['backticks', repeated('`')],
		['backticks of all lengths', Array.from({ length: 140 }, (_, i) => '`'.repeat(i)).join(' ')],
		['opening brackets', repeated('[')],
		['brackets and parentheses', repeated('[a](')],
		['closing brackets', repeated(']')],
		['pictures', repeated('![')],
		['links in links', repeated('[a](b')],
		['link titles', repeated('[a](<b> "')],
		['references', repeated('[a]: b\n')],
		['references that are not', repeated('[a][b]')],
		['less-than', repeated('<')],
		['less-than and schemes', repeated('<http:')],
		['quotes', repeated('>')],
		['quotes and lines', repeated('> >\n')],
		['quotes of all depths', Array.from({ length: 140 }, (_, i) => '>'.repeat(i)).join('\n')],
		['lists', repeated('- ')],
		['lists of all depths', Array.from({ length: 140 }, (_, i) => ' '.repeat(i) + '- a').join('\n')],
		['numbered lists', repeated('1. ')],
		['items', repeated('- a\n')],
		['empty lines', 'a' + '\n'.repeat(n) + 'b'],
		['spoilers', repeated('||')],
		['spoilers and letters', repeated('||a')],
		['tildes', repeated('~')],
		['tildes and letters', repeated('~a ~~b')],
		['everything', repeated('*_~~||`[<')],
		['cells', repeated('|')],
		['a wide table', '|' + 'a|'.repeat(1500) + '\n|' + '-|'.repeat(1500) + '\n' + '|\n'.repeat(1500)],
		['many tables', repeated('|a|\n|-|\n')],
		['ampersands', repeated('&')],
		['entities', repeated('&amp;')],
		['backslashes', repeated('\\')],
		['ats', repeated('@')],
		['mentions', repeated('@a ')],
		['mail addresses', repeated('a@')],
		['long mail addresses', 'a'.repeat(5000) + '@' + 'a.'.repeat(2500)],
		['addresses', repeated('https://a.example ')],
		['addresses without blanks', repeated('https://')],
		['www', repeated('www.')],
		['www in brackets', repeated('(www.')],
		['brackets after an address', 'https://a.example/' + repeated('(')],
		['colons', repeated(':')],
		['hashes', repeated('#')],
		['rooms', repeated('#a-')],
		['fences', repeated('```\n')],
		['headings', repeated('# ')],
		['underlines', repeated('a\n=\n')],
		['direction', repeated('\u202e')],
		['surrogates', repeated('\ud800')],
		['marks', repeated('\u0301')],
		['joiners', repeated('👩‍')],
	])('stays in proportion to its length: %s', (_name, text) => {
		expect(steps(text)).toBeLessThan(100 * text.length + 10_000);
		const failed = vi.fn();
		vi.stubGlobal('reportError', failed);
		renderMessage(text, context);
		plainText(text);
		expect(failed).not.toHaveBeenCalled();
		vi.unstubAllGlobals();
	});
});

describe('coloured code', () => {
	it('is coloured by classes, once', async () => {
		const element = shown('```js\nconst a = "b";\n```\n```nope\nx\n```');
		await highlightWithin(element);
		const [js, nope] = element.querySelectorAll('code');
		expect(js!.querySelector('.hljs-keyword')?.textContent).toBe('const');
		expect(js!.textContent).toBe('const a = "b";\n');
		expect(nope!.innerHTML).toBe('x\n');
		const before = element.innerHTML;
		await highlightWithin(element);
		expect(element.innerHTML).toBe(before);
	});
});
