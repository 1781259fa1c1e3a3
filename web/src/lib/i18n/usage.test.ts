import { expect, it } from 'vitest';
import de from '../../../messages/de.json';
import en from '../../../messages/en.json';

const sources = import.meta.glob(['/src/**/*.svelte', '/src/**/*.ts', '!/src/**/*.test.ts', '!/src/lib/i18n/paraglide/**'], { query: '?raw', import: 'default', eager: true }) as Record<string, string>;

it('texts are asked for by name: a computed name would put all of them into the first load', () => {
	const computed = Object.entries(sources).filter(([, text]) => /import \{[^}]*\bm\b[^}]*\} from '\$lib\/i18n'/.test(text) && /(?<![\w.])m\[/.test(text));
	expect(computed.map(([file]) => file)).toEqual([]);
});

it('every text is used', () => {
	const all = Object.values(sources).join('\n');
	const used = new Set([...all.matchAll(/\bm\.([a-z][a-z0-9_]*)/g)].map((found) => found[1]));
	expect(Object.keys(en).filter((key) => key !== '$schema' && !used.has(key))).toEqual([]);
});

it('every language has every text', () => {
	expect(Object.keys(de)).toEqual(Object.keys(en));
});
