import { describe, expect, it } from 'vitest';
import { contrastOf, legible } from './legible';

describe('colours that people choose', () => {
	const chosen = ['#000000', '#ffffff', '#ffff00', '#00ff00', '#ff0000', '#0000ff', '#9400d3', '#888888', '#12ab9f', 'nonsense'];
	// the surfaces of both schemes, the base and what is laid over it
	const grounds = { light: ['#ffffff', '#f6f7f9', '#eaedf1', '#dde2e8'], dark: ['#101317', '#1b1f25', '#272d36', '#333b46'] };
	for (const scheme of ['light', 'dark'] as const) {
		it(`can be read on every ${scheme} surface`, () => {
			for (const c of chosen) for (const g of grounds[scheme]) expect(contrastOf(legible(c, scheme), g), `${c} on ${g}`).toBeGreaterThanOrEqual(4.5);
		});
	}
	it('stay what they are where that can be read', () => {
		expect(legible('#000080', 'light')).toBe('#000080');
		expect(legible('#ffff00', 'dark')).toBe('#ffff00');
	});
});
