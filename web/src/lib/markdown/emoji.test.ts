import german from 'emoji-picker-element-data/de/cldr/data.json?raw';
import english from 'emoji-picker-element-data/en/emojibase/data.json?raw';
import { describe, expect, it } from 'vitest';
import { canonicalEmoji, emojiFile, loadEmoji } from './emoji';

const fromDisk = async (url: string): Promise<unknown> => JSON.parse(url.includes('/de/') ? german : english);

describe('emoji', () => {
	it.each([
		['a whole shortcode comes first', 'en', 'heart', '❤️'],
		['by the shortcode of other chats', 'en', 'tada', '🎉'],
		['plus one', 'en', '+1', '👍'],
		['by keyword', 'en', 'popper', '🎉'],
		['with colons', 'en', ':joy:', '😂'],
		['by several words', 'en', 'red heart', '❤️'],
		['in German', 'de', 'konfetti', '🎉'],
		['in German without umlauts', 'de', 'grunes herz', '💚'],
		['in German with umlauts', 'de', 'grünes herz', '💚'],
		['English works in German too', 'de', 'tada', '🎉'],
		['in any case', 'en', 'ThumbsUp', '👍'],
	])('are found: %s', async (_name, language, query, want) => {
		const index = await loadEmoji(language, fromDisk);
		expect(index.search(query)[0]?.emoji).toBe(want);
	});

	it('have names in the language asked for', async () => {
		expect((await loadEmoji('de-AT', fromDisk)).named('tada')?.name).toBe('Konfettibombe');
		expect((await loadEmoji('en', fromDisk)).named('tada')?.name).toBe('party popper');
	});

	it('have skin tones, if they have any', async () => {
		const index = await loadEmoji('en', fromDisk);
		expect(index.named('wave')?.skins).toEqual(['👋🏻', '👋🏼', '👋🏽', '👋🏾', '👋🏿']);
		expect(index.named('tada')?.skins).toEqual([]);
	});

	it('are none for nothing and for nonsense', async () => {
		const index = await loadEmoji('en', fromDisk);
		expect(index.search('')).toEqual([]);
		expect(index.search('::')).toEqual([]);
		expect(index.search('qqqqqq')).toEqual([]);
		expect(index.named('constructor')).toBeUndefined();
	});

	it('are at most as many as asked for', async () => {
		expect((await loadEmoji('en', fromDisk)).search('s', 5)).toHaveLength(5);
	});

	it('are loaded again after a failure', async () => {
		const { loadEmoji: fresh } = await import('./emoji?again' as './emoji');
		await expect(fresh('en', () => Promise.reject(new Error('offline')))).rejects.toThrow('offline');
		expect((await fresh('en', fromDisk)).named('tada')?.emoji).toBe('🎉');
	});

	it('come from files of our own', () => {
		expect(emojiFile('de')).toMatch(/^\/.*\/de\/cldr\/data\.json$/);
		expect(emojiFile('fr')).toMatch(/^\/.*\/en\/emojibase\/data\.json$/);
	});

	it('have one form each', () => {
		expect(canonicalEmoji('👍\ufe0f')).toBe('👍');
		expect(canonicalEmoji('❤\ufe0f')).toBe('❤\ufe0f');
	});
});
