// Colours that people choose, made legible: as near to what was chosen as the contrast allows.

/** The surfaces that names stand on, with what is laid over them: the least favourable of each scheme. */
const grounds = { light: '#dde2e8', dark: '#333b46' };

/** The colour, darker or lighter until text of it has a contrast of 4.5 to the ground of a scheme. */
export function legible(colour: string, scheme: keyof typeof grounds, least = 4.5): string {
	const ground = luminance(parse(grounds[scheme]));
	const end = scheme === 'light' ? 0 : 255;
	const from = parse(colour);
	for (let step = 0; step <= 20; step++) {
		const mixed = from.map((c) => Math.round(c + ((end - c) * step) / 20));
		if (contrast(luminance(mixed), ground) >= least) return '#' + mixed.map((c) => c.toString(16).padStart(2, '0')).join('');
	}
	return scheme === 'light' ? '#000000' : '#ffffff';
}

/** The contrast of two colours as WCAG has it. */
export function contrastOf(a: string, b: string): number {
	return contrast(luminance(parse(a)), luminance(parse(b)));
}

function parse(colour: string): number[] {
	const hex = /^#([0-9a-f]{6})$/i.exec(colour)?.[1] ?? '888888';
	return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

function luminance(rgb: readonly number[]): number {
	const [r, g, b] = rgb.map((c) => {
		const s = c / 255;
		return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: number, b: number): number {
	return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
