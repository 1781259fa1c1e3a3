import { describe, expect, it } from 'vitest';
import { asks, fromAddress, nothing, parameters, takeFilters, toAddress, type Query } from './query';

const lookups = { person: (n: string) => (n === 'ada' ? 'u1' : undefined), room: (s: string) => (s === 'general' ? '1' : undefined) };

describe('a search', () => {
	it('is what its address says', () => {
		const q: Query = { text: 'cake "with cream"', room: '3', from: 'u1', after: '2026-01-02', before: null, has: ['links', 'attachments'] };
		expect(fromAddress(new URL(toAddress(q), 'http://x').searchParams)).toEqual(q);
		expect(toAddress(nothing)).toBe('/search');
	});

	it('ignores nonsense in the address', () => {
		expect(fromAddress(new URLSearchParams('after=soon&has=money,links'))).toEqual({ ...nothing, has: ['links'] });
	});

	for (const [name, typed, want] of [
		['a person', 'from:@ada cake', { text: ' cake', from: 'u1' }],
		['a room', 'cake in:#general ', { text: 'cake  ', room: '1' }],
		['a day', 'after:2026-02-03 x', { text: ' x', after: '2026-02-03' }],
		['files', 'has:files x', { text: ' x', has: ['attachments'] }],
		['German words', 'von:ada mit:links x', { text: '  x', from: 'u1', has: ['links'] }],
		['nobody stays text', 'from:nobody x', { text: 'from:nobody x' }],
		['an address stays text', 'https://example.org x', { text: 'https://example.org x' }],
		['what is still being typed stays text', 'from:ada', { text: 'from:ada' }],
	] as const) {
		it(`takes ${name} out of the text`, () => expect(takeFilters({ ...nothing, text: typed }, lookups)).toEqual({ ...nothing, ...want }));
	}

	it('begins after the day that is named, and ends before it', () => {
		const p = parameters({ ...nothing, after: '2026-02-03', before: '2026-02-10' });
		expect(new Date(p.after!).getTime()).toBe(new Date(2026, 1, 4).getTime());
		expect(new Date(p.before!).getTime()).toBe(new Date(2026, 1, 10).getTime());
	});

	it('needs something to search for', () => {
		expect(asks(nothing)).toBe(false);
		expect(asks({ ...nothing, room: '1' })).toBe(false);
		expect(asks({ ...nothing, has: ['links'] })).toBe(true);
	});
});
