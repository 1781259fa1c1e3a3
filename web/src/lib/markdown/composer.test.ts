import { describe, expect, it } from 'vitest';
import { changeBetween, complete, completionAt, continueLine, pasteLink, toggleFence, toggleLines, toggleStyle, type Draft, type InlineStyle, type LineStyle } from './composer';

/** Reads "a[b]c" as a draft with b selected, "a|c" as one with the caret after a. */
function draft(marked: string): Draft {
	const caret = marked.indexOf('¦');
	if (caret >= 0) return { text: marked.replace('¦', ''), from: caret, to: caret };
	const from = marked.indexOf('‹');
	return { text: marked.replace(/[‹›]/g, ''), from, to: marked.indexOf('›') - 1 };
}

function marked({ text, from, to }: Draft): string {
	return from === to ? text.slice(0, from) + '¦' + text.slice(from) : text.slice(0, from) + '‹' + text.slice(from, to) + '›' + text.slice(to);
}

describe('a style', () => {
	it.each<[string, InlineStyle, string, string]>([
		['goes around the selection', 'bold', 'a ‹b› c', 'a **‹b›** c'],
		['goes away when the marks are around the selection', 'bold', 'a **‹b›** c', 'a ‹b› c'],
		['goes away when the marks are in the selection', 'bold', 'a ‹**b**› c', 'a ‹b› c'],
		['without a selection waits for words', 'bold', 'a ¦', 'a **¦**'],
		['without a selection goes away again', 'bold', 'a **¦**', 'a ¦'],
		['leaves the blanks around words alone', 'italic', 'a‹ b ›c', 'a *‹b›* c'],
		['italic is not bold', 'italic', '**‹b›**', '***‹b›***'],
		['italic leaves bold', 'italic', '***‹b›***', '**‹b›**'],
		['bold leaves italic', 'bold', '***‹b›***', '*‹b›*'],
		['bold joins italic', 'bold', '*‹b›*', '***‹b›***'],
		['italic goes away within the selection', 'italic', '‹*b*›', '‹b›'],
		['strike', 'strike', '‹b›', '~~‹b›~~'],
		['strike goes away', 'strike', '~~‹b›~~', '‹b›'],
		['spoiler', 'spoiler', '‹b›', '||‹b›||'],
		['spoiler goes away', 'spoiler', '‹||b||›', '‹b›'],
		['a selection of marks alone is no styled text', 'bold', '‹****›', '**‹****›**'],
		['lines are styled one by one', 'bold', '‹a\nb›', '‹**a**\n**b**›'],
		['empty lines stay empty', 'bold', '‹a\n\nb›', '‹**a**\n\n**b**›'],
		['what makes a line an item stays outside', 'bold', '‹- a\n2. b\n> c\n- [ ] d›', '‹- **a**\n2. **b**\n> **c**\n- [ ] **d**›'],
		['styled lines lose it', 'bold', '‹**a**\n- **b**›', '‹a\n- b›'],
		['lines that have it keep it when others get it', 'bold', '‹**a**\nb›', '‹**a**\n**b**›'],
		['code', 'code', 'a ‹b› c', 'a `‹b›` c'],
		['code goes away', 'code', 'a `‹b›` c', 'a ‹b› c'],
		['code goes away within the selection', 'code', '‹`b`›', '‹b›'],
		['code with marks in it gets longer ones', 'code', '‹a`b›', '`` ‹a`b› ``'],
		['code with longer marks goes away', 'code', '‹`` a`b ``›', '‹a`b›'],
		['code of several lines is a block', 'code', '‹a\nb›', '```\n‹a\nb›\n```'],
		['code of a block goes away', 'code', '```go\n‹a\nb›\n```', '‹a\nb›'],
	])('%s', (_name, style, before, after) => {
		expect(marked(toggleStyle(draft(before), style))).toBe(after);
	});
});

describe('a block of code', () => {
	it.each([
		['begins around the line', 'a¦b', '```\n‹ab›\n```'],
		['ends when all of it is selected', '‹```go\na\nb\n```›', '‹a\nb›'],
		['has longer marks than what is in it', '‹a\n```\nb›', '````\n‹a\n```\nb›\n````'],
		['around an empty line', '¦', '```\n¦\n```'],
	])('%s', (_name, before, after) => {
		expect(marked(toggleFence(draft(before)))).toBe(after);
	});
});

describe('lines', () => {
	it.each<[string, LineStyle, string, string]>([
		['a quote', 'quote', 'a¦', '> a¦'],
		['a quote of several lines', 'quote', '‹a\n\nb›', '‹> a\n> \n> b›'],
		['a quote goes away', 'quote', '‹> a\n>b›', '‹a\nb›'],
		['a list', 'bullet', '‹a\nb›', '‹- a\n- b›'],
		['a list goes away', 'bullet', '‹- a\n* b›', '‹a\nb›'],
		['a numbered list counts', 'ordered', '‹a\n\nb\nc›', '‹1. a\n\n2. b\n3. c›'],
		['a numbered list goes away', 'ordered', '‹1. a\n2) b›', '‹a\nb›'],
		['a list becomes another list', 'ordered', '‹- a\n- [x] b›', '‹1. a\n2. b›'],
		['a task list', 'task', '‹a\n- b›', '‹- [ ] a\n- [ ] b›'],
		['tasks become a plain list', 'bullet', '‹- [ ] a›', '‹- a›'],
		['only the lines that are selected', 'bullet', 'x\n‹a\n›y', 'x\n‹- a›\ny'],
		['an empty draft', 'bullet', '¦', '- ¦'],
		['the caret stays where it is in the text', 'quote', 'a¦b', '> a¦b'],
		['the caret stays when it goes away', 'quote', '> a¦b', 'a¦b'],
	])('%s', (_name, style, before, after) => {
		expect(marked(toggleLines(draft(before), style))).toBe(after);
	});
});

describe('a line break', () => {
	it.each([
		['begins the next item', '- a¦', '- a\n- ¦'],
		['keeps the mark of the list', '* a¦', '* a\n* ¦'],
		['counts on', '9. a¦', '9. a\n10. ¦'],
		['counts on with brackets', '1) a¦', '1) a\n2) ¦'],
		['begins an open task after a done one', '- [x] a¦', '- [x] a\n- [ ] ¦'],
		['keeps the depth', '- a\n  - b¦', '- a\n  - b\n  - ¦'],
		['parts an item', '- a¦b', '- a\n- ¦b'],
		['goes on with a quote', '> a¦', '> a\n> ¦'],
		['goes on with a list in a quote', '> - a¦', '> - a\n> - ¦'],
		['ends a list at an empty item', '- a\n- ¦', '- a\n¦'],
		['leaves the inner list first', '- a\n  - ¦', '- a\n¦'],
		['ends a numbered list', '1. a\n2. ¦', '1. a\n¦'],
		['ends a task list', '- [ ] ¦', '¦'],
		['ends a quote', '> a\n> ¦', '> a\n¦'],
		['ends a list in a quote', '> - a\n> - ¦', '> - a\n> ¦'],
		['is only that in a plain line', 'a¦', null],
		['is only that before the mark of an item', '¦- a', null],
		['is only that over a selection', '- ‹a›', null],
		['is only that in code', '```\n- a¦', null],
		['is only that after a rule', '---¦', null],
		['is only that after a number', '3.5¦', null],
	])('%s', (_name, before, after) => {
		const got = continueLine(draft(before));
		expect(got && marked(got)).toBe(after);
	});
});

describe('a pasted address', () => {
	it.each([
		['makes a link', 'see ‹here›.', 'https://a.org/', 'see [here](https://a.org/)¦.'],
		['without its blanks', '‹x›', ' https://a.org/ \n', '[x](https://a.org/)¦'],
		['with brackets in it is quoted', '‹x›', 'https://a.org/b_(c)', '[x](<https://a.org/b_(c)>)¦'],
		['over brackets', '‹a [b]›', 'https://a.org/', '[a \\[b\\]](https://a.org/)¦'],
		['of mail', '‹me›', 'mailto:me@a.org', '[me](mailto:me@a.org)¦'],
		['replaces an address', '‹https://b.org›', 'https://a.org/', null],
		['that is none', '‹x›', 'hello', null],
		['that would run', '‹x›', 'javascript:alert(1)', null],
		['with more text', '‹x›', 'https://a.org and more', null],
		['without a selection', 'x¦', 'https://a.org/', null],
		['over several lines', '‹a\nb›', 'https://a.org/', null],
		['in code', '`a ‹b›', 'https://a.org/', null],
		['in a block of code', '```\n‹b›\n```', 'https://a.org/', null],
		['where a link leads', '[x](‹y›)', 'https://a.org/', null],
	])('%s', (_name, before, pasted, after) => {
		const got = pasteLink(draft(before), pasted);
		expect(got && marked(got)).toBe(after);
	});
});

describe('completion', () => {
	it.each<[string, string, [string, string, string] | null]>([
		// kind, query, what is replaced
		['of a person', 'hi @ev¦', ['user', 'ev', '@ev']],
		['of a person from the first character', '@¦', ['user', '', '@']],
		['of a person in brackets', '(@ev¦', ['user', 'ev', '@ev']],
		['of a person whose name has other letters', '@Zoë¦', ['user', 'Zoë', '@Zoë']],
		['replaces all of the name', '@e¦ve, hi', ['user', 'e', '@eve']],
		['on a later line', 'a\n@ev¦', ['user', 'ev', '@ev']],
		['not in an address of mail', 'me@ev¦', null],
		['not after a blank', '@ev ¦', null],
		['of a room', '#gen¦', ['room', 'gen', '#gen']],
		['of a room with a dash', 'in #my-ro¦', ['room', 'my-ro', '#my-ro']],
		['not of a heading', '# a¦', null],
		['not of a second heading', '##¦', null],
		['not of an entity', '&#12¦', null],
		['not in an address', 'https://a.org/#b¦', null],
		['of an emoji', ':smi¦', ['emoji', 'smi', ':smi']],
		['of an emoji in other letters', ':grün¦', ['emoji', 'grün', ':grün']],
		['of an emoji swallows its end', ':sm¦ile: x', ['emoji', 'sm', ':smile:']],
		['of an emoji that is ended', ':smile:¦', ['emoji', 'smile', ':smile:']],
		['of plus one', ':+1:¦', ['emoji', '+1', ':+1:']],
		['not of a smiley', ':D¦', null],
		['not of a time', '12:30¦', null],
		['not of a scheme', 'https:¦', null],
		['of a command', '/jo¦', ['command', 'jo', '/jo']],
		['of a command from the first character', '/¦', ['command', '', '/']],
		['not of a command in the middle', 'a /jo¦', null],
		['not behind a command', '/join ¦', null],
		['of a person behind a command', '/ban @ev¦', ['user', 'ev', '@ev']],
		['not in code', '`@ev¦', null],
		['not in code that is ended later', '`@ev¦`', null],
		['after code', '`x` @ev¦', ['user', 'ev', '@ev']],
		['not in a block of code', '```\n@ev¦\n```', null],
		['after a block of code', '```\nx\n```\n@ev¦', ['user', 'ev', '@ev']],
		['nothing in nothing', '¦', null],
	])('%s', (_name, before, want) => {
		const { text, from } = draft(before);
		const got = completionAt(text, from);
		expect(got && [got.kind, got.query, text.slice(got.from, got.to)]).toEqual(want);
		if (text.slice(0, from).endsWith(':') && got) expect(got.closed).toBe(true);
	});

	it.each([
		['puts the choice and a blank', 'hi @ev¦', '@eve', 'hi @eve ¦'],
		['uses the blank that is there', '@ev¦ hi', '@eve', '@eve ¦hi'],
	])('%s', (_name, before, choice, after) => {
		const { text, from } = draft(before);
		expect(marked(complete(text, completionAt(text, from)!, choice))).toBe(after);
	});
});

describe('the change between two texts', () => {
	it.each([
		['nothing', 'abc', 'abc', { from: 3, to: 3, insert: '' }],
		['an insertion', 'ac', 'abc', { from: 1, to: 1, insert: 'b' }],
		['a deletion', 'abc', 'ac', { from: 1, to: 2, insert: '' }],
		['a repeated character', 'aa', 'aaa', { from: 2, to: 2, insert: 'a' }],
		['marks around a word', 'a b c', 'a **b** c', { from: 2, to: 3, insert: '**b**' }],
	])('%s', (_name, before, after, want) => {
		expect(changeBetween(before, after)).toEqual(want);
	});
});
