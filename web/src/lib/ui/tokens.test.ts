import { describe, expect, test } from 'vitest';

// Read from disk: imports of style sheets are empty in tests.
const { readFileSync } = (await import('node:fs' as string)) as { readFileSync(file: URL, encoding: 'utf8'): string };
const css = readFileSync(new URL(import.meta.url.replace(/[^/]*$/, '../../app.css')), 'utf8');

type Rgba = [number, number, number, number];
type Scheme = 'light' | 'dark';

function parse(hex: string): Rgba {
	const digits = hex.slice(1);
	const at = (i: number) => parseInt(digits.slice(i, i + 2), 16);
	return [at(0), at(2), at(4), digits.length === 8 ? at(6) / 255 : 1];
}

/** Reads `--name: light-dark(#…, #…)` of one rule. */
function tokens(selector: string): Map<string, [string, string]> {
	const found = new Map<string, [string, string]>();
	for (const rule of css.matchAll(/^([^\s{}@/][^{}]*)\{([^{}]*)\}/gm)) {
		if (rule[1]!.trim() !== selector) continue;
		for (const [, name, light, dark] of rule[2]!.matchAll(/--([\w-]+):\s*light-dark\((#\w+),\s*(#\w+)\)/g)) found.set(name!, [light!, dark!]);
	}
	return found;
}

const over = ([r, g, b, a]: Rgba, [r2, g2, b2]: Rgba): Rgba => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];

function luminance([r, g, b]: Rgba): number {
	const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
	return 0.2126 * x! + 0.7152 * y! + 0.0722 * z!;
}

/** The contrast ratio of WCAG 2.2. */
function contrast(a: Rgba, b: Rgba): number {
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high! + 0.05) / (low! + 0.05);
}

const plain = tokens(':root');
const strong = new Map([...plain, ...tokens(":root[data-theme='contrast']")]);
const themes: [string, Map<string, [string, string]>, Scheme, number][] = [
	['light', plain, 'light', 4.5],
	['dark', plain, 'dark', 4.5],
	['contrast on a light system', strong, 'light', 7],
	['contrast on a dark system', strong, 'dark', 7],
];

const surfaces = ['surface-deep', 'surface-sunken', 'surface-base', 'surface-raised', 'surface-overlay'];
const overlays = ['hover', 'pressed', 'selected', 'control'];
const softs = ['accent-soft', 'danger-soft', 'warning-soft', 'success-soft', 'info-soft', 'mention-background', 'highlight'];
const names = Array.from({ length: 12 }, (_, i) => `name-${i + 1}`);
const roles = ['accent', 'danger', 'warning', 'success', 'info'];
const syntax = ['comment', 'keyword', 'string', 'number', 'title', 'type', 'deletion'].map((s) => `syntax-${s}`);
const presences = ['online', 'away', 'busy', 'offline'].map((s) => `presence-${s}`);

describe.each(themes)('the %s theme', (_, theme, scheme, body) => {
	const colour = (name: string): Rgba => {
		const pair = theme.get(name);
		if (!pair) throw new Error(`no token --${name}`);
		return parse(pair[scheme === 'light' ? 0 : 1]);
	};
	/** Every ground that text can stand on: the surfaces, and each with a state over it. */
	const grounds: [string, Rgba][] = surfaces.flatMap((s): [string, Rgba][] => [
		[s, colour(s)],
		...overlays.map((o): [string, Rgba] => [`${o} over ${s}`, over(colour(o), colour(s))]),
	]);
	const failures = (fores: string[], backs: [string, Rgba][], least: number) =>
		fores.flatMap((f) =>
			backs
				.map(([b, c]): [string, number] => [`--${f} on ${b}`, contrast(over(colour(f), c), c)])
				.filter(([, ratio]) => ratio < least)
				.map(([what, ratio]) => `${what}: ${ratio.toFixed(2)} < ${least}`),
		);
	const named = (list: string[]): [string, Rgba][] => list.map((n) => [n, colour(n)]);

	test('text reads on every surface in every state', () => {
		expect(failures(['text-strong', 'text', 'text-muted'], grounds, body)).toEqual([]);
	});
	test('text reads on tinted grounds', () => {
		expect(failures(['text-strong', 'text'], named(softs), body)).toEqual([]);
		expect(failures(['text-muted'], named(softs), 4.5)).toEqual([]);
	});
	test('coloured text and names read on every surface in every state', () => {
		expect(failures([...roles.map((r) => `${r}-text`), 'link', ...names], grounds, 4.5)).toEqual([]);
	});
	test('coloured text, names and links read on the grounds they meet', () => {
		for (const role of roles) expect(failures([`${role}-text`], named([`${role}-soft`]), 4.5)).toEqual([]);
		expect(failures([...names, 'link'], named(['mention-background']), 4.5)).toEqual([]);
	});
	test('letters read on fills', () => {
		for (const role of roles) expect(failures([`${role}-on`], named([role]), 4.5)).toEqual([]);
		for (const role of ['accent', 'danger']) expect(failures([`${role}-on`], named([`${role}-hover`]), 4.5)).toEqual([]);
		expect(failures(['mention-on'], named(['mention']), 4.5)).toEqual([]);
		expect(failures(['name-on'], named(names), 4.5)).toEqual([]);
	});
	test('code reads', () => {
		expect(failures(['code-text', ...syntax], named(['code-background']), 4.5)).toEqual([]);
	});
	test('outlines of controls, the focus ring, presence and fills can be told from every surface', () => {
		const shapes = ['border-strong', 'focus', 'accent', 'danger', 'success', 'mention', 'mention-border', ...presences];
		expect(failures(shapes, named(surfaces), 3)).toEqual([]);
	});
});

test('every theme has the same tokens, none of them a stranger to the plain ones', () => {
	const strangers = [...tokens(":root[data-theme='contrast']").keys()].filter((name) => !plain.has(name));
	expect(strangers).toEqual([]);
});
