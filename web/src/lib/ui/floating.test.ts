import { describe, expect, test } from 'vitest';
import { position, type Placement } from './floating';
import { initials, nameColour } from './names';
import { passwordStrength } from './password';

describe('position', () => {
	const view = { width: 1000, height: 800 };
	const size = { width: 200, height: 100 };
	const box = (left: number, top: number) => ({ left, top, right: left + 40, bottom: top + 20 });
	const rows: [string, [number, number], Placement, boolean, { left: number; top: number }][] = [
		['below, in line with the start', [300, 300], 'bottom-start', false, { left: 300, top: 326 }],
		['below, in line with the start, right to left', [300, 300], 'bottom-start', true, { left: 140, top: 326 }],
		['above, in the middle', [300, 300], 'top', false, { left: 220, top: 194 }],
		['flips up when there is no room below', [300, 760], 'bottom-end', false, { left: 140, top: 654 }],
		['flips down when there is no room above', [300, 20], 'top-start', false, { left: 300, top: 46 }],
		['is shifted to stay inside', [970, 300], 'bottom-start', false, { left: 792, top: 326 }],
		['stands after it', [300, 300], 'end', false, { left: 346, top: 260 }],
		['stands before it, right to left', [300, 300], 'end', true, { left: 94, top: 260 }],
		['flips to the other side', [900, 300], 'end', false, { left: 694, top: 260 }],
	];
	test.each(rows)('%s', (_, [left, top], placement, rtl, expected) => {
		expect(position(box(left, top), size, view, rtl, { placement })).toEqual(expected);
	});

	test('keeps the beginning in sight of what is larger than the window', () => {
		expect(position(box(300, 300), { width: 1200, height: 900 }, view, false)).toEqual({ left: 8, top: 8 });
	});
});

test.each([
	['Ada Lovelace', 'AL'],
	['ada', 'A'],
	['ada.b.lovelace', 'AL'],
	['  Ünal  ', 'Ü'],
	['李小龙', '李'],
	['👩‍🚀 Space', '👩‍🚀S'],
	['(Ken) T', 'KT'],
	['---', '?'],
	['', '?'],
])('the initials of "%s" are "%s"', (name, letters) => {
	expect(initials(name)).toBe(letters);
});

test('names spread over all twelve colours, always the same', () => {
	const colours = new Set(Array.from({ length: 200 }, (_, i) => nameColour(`person-${i}`)));
	expect(colours.size).toBe(12);
	expect(nameColour('ada')).toBe(nameColour('ada'));
});

test('long and varied passwords are stronger than short and common ones', () => {
	expect(passwordStrength('abc')).toBe(1);
	expect(passwordStrength('password1234')).toBeLessThan(3);
	expect(passwordStrength('aaaaaaaaaaaaaaaaaaaa')).toBe(1);
	expect(passwordStrength('plum orbit velvet 9')).toBe(4);
});
