import { describe, expect, it } from 'vitest';
import { fit } from './kinds';
import { bounded, closest, whole, zoomAt } from './zoom';

const place = { width: 1000, height: 800 };
const picture = { width: 1000, height: 500 };

describe('looking closer', () => {
	it('keeps the point under the fingers where it is', () => {
		const z = zoomAt(whole, 2, 100, 0, picture, place);
		expect(z.scale).toBe(2);
		expect((100 - z.x) / z.scale).toBeCloseTo(100);
	});
	it('never makes a picture smaller than whole, or larger than can be used', () => {
		expect(zoomAt(whole, 0.1, 50, 50, picture, place)).toEqual(whole);
		expect(zoomAt(whole, 100, 0, 0, picture, place).scale).toBe(closest);
	});
	it('keeps what is smaller than its place in the middle', () => {
		expect(bounded({ scale: 1, x: 300, y: -200 }, picture, place)).toEqual(whole);
	});
	it('lets edges come in no further than the edge of the place', () => {
		expect(bounded({ scale: 2, x: 9999, y: 9999 }, picture, place)).toEqual({ scale: 2, x: 500, y: 100 });
	});
});

describe('the size of a picture in a message', () => {
	const box = { width: 400, height: 320 };
	const rows: [string, [number, number], [number, number]][] = [
		['a wide one fills the width', [1600, 800], [400, 200]],
		['a tall one fills the height', [800, 3200], [80, 320]],
		['a small one stays as it is', [120, 90], [120, 90]],
		['a line can still be pressed', [4000, 10], [400, 32]],
	];
	for (const [name, [width, height], [w, h]] of rows) it(name, () => expect(fit({ width, height }, box)).toEqual({ width: w, height: h }));
});
