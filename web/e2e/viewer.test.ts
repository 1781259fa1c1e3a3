// Story of the picture viewer in the hand: two fingers look closer, one moves what is close, turns the page or puts it away.
import { deflateSync } from 'node:zlib';
import type { CDPSession } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, message, openRoom, until, uploads, World, write, type Json, type Person } from './world';

interface Point {
	x: number;
	y: number;
}

let w: World;
let ada: Person;
let devtools: CDPSession;
const middle = { x: 195, y: 422 };

/** A picture of one colour, as PNG. */
function plain(width: number, height: number): Buffer {
	const chunk = (type: string, data: Buffer) => {
		const body = Buffer.concat([Buffer.from(type), data]);
		const out = Buffer.alloc(12 + data.length);
		out.writeUInt32BE(data.length);
		body.copy(out, 4);
		out.writeUInt32BE(crc(body), 8 + data.length);
		return out;
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width);
	head.writeUInt32BE(height, 4);
	head.set([8, 0, 0, 0, 0], 8); // 8 bits of grey
	const rows = Buffer.alloc((width + 1) * height, 0x90);
	for (let y = 0; y < height; y++) rows[y * (width + 1)] = 0;
	return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function crc(data: Buffer): number {
	let c = 0xffffffff;
	for (const byte of data) {
		c ^= byte;
		for (let i = 0; i < 8; i++) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
	}
	return (c ^ 0xffffffff) >>> 0;
}

const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: Point[]) =>
	devtools.send('Input.dispatchTouchEvent', { type, touchPoints: points.map((p, id) => ({ ...p, id })) });

/** Moves fingers from where they are put down to where they are lifted, in steps. */
async function fingers(...ways: [from: Point, to: Point][]) {
	const at = (part: number) => ways.map(([a, b]) => ({ x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part }));
	await touch('touchStart', ...at(0));
	for (let i = 1; i <= 10; i++) await touch('touchMove', ...at(i / 10));
	await touch('touchEnd');
}

const beside = (x: number, y = 0): Point => ({ x: middle.x + x, y: middle.y + y });
const viewer = () => ada.page.getByRole('dialog', { name: 'Picture viewer' });
const shows = (name: string) => viewer().getByText(name).waitFor({ timeout: 5000 });

/** Where the picture is when nothing moves any more. */
async function box(): Promise<DOMRect> {
	let last = '';
	let found: DOMRect | undefined;
	await until('the picture stands still', async () => {
		found = await viewer().locator('img').evaluate((e: Element) => e.getBoundingClientRect().toJSON() as DOMRect);
		const now = JSON.stringify(found);
		const still = now === last;
		last = now;
		return still;
	});
	return found!;
}

beforeAll(async () => {
	w = await World.start();
	const bob = await w.person('bob');
	ada = await w.person('ada', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
	const room: Json = await api(bob, w.base, 'POST', '/rooms', { name: 'Engines', type: 'public' });
	await api(ada, w.base, 'POST', `/rooms/${room.id}/join`);
	const files = await uploads(w, bob, ...['first', 'second', 'third'].map((name) => ({ name: `${name}.png`, mimeType: 'image/png', buffer: plain(1200, 900) })));
	await write(w, bob, room.id, 1, () => ({ content: 'three pictures', attachments: files }));
	await openRoom(w, ada, room.id);
	devtools = await ada.context.newCDPSession(ada.page);
	await message(ada, 'three pictures').getByRole('button', { name: 'Open second.png' }).tap();
	await shows('second.png');
	await viewer().locator('img.loaded').waitFor();
});
afterAll(() => w?.stop());

describe('the viewer under fingers', () => {
	let whole: DOMRect;

	it('looks closer with two fingers, at what is between them', async () => {
		whole = await box();
		// what is a quarter from the left edge, between the fingers, stays there
		const left = whole.left + whole.width / 4;
		await fingers([{ x: left - 30, y: middle.y }, { x: left - 90, y: middle.y }], [{ x: left + 30, y: middle.y }, { x: left + 90, y: middle.y }]);
		const near = await box();
		expect(near.width / whole.width).toBeCloseTo(3, 1);
		expect((left - near.left) / near.width).toBeCloseTo(0.25, 1);
		await shows('second.png');
	});

	it('moves what is close with one finger, as far as its edge', async () => {
		const before = await box();
		await fingers([middle, beside(-40)]);
		const moved = await box();
		expect(moved.left - before.left).toBeCloseTo(-40, 0);
		for (let i = 0; i < 6; i++) await fingers([beside(-150), beside(150)]);
		const edge = await box();
		expect(edge.left).toBeGreaterThan(-1);
		expect(edge.left).toBeLessThan(20);
		await shows('second.png'); // it was not a swipe
	});

	it('is whole again when the fingers come together, and that turns no page', async () => {
		await fingers([beside(-150), beside(40)], [beside(150), beside(60)]);
		const again = await box();
		expect(again.width).toBeCloseTo(whole.width, 0);
		expect(again.left).toBeCloseTo(whole.left, 0);
		expect(again.top).toBeCloseTo(whole.top, 0);
		await shows('second.png');
	});

	it('turns the page with a swipe, and stays at the ends', async () => {
		await fingers([beside(100), beside(-100)]);
		await shows('third.png');
		await fingers([beside(100), beside(-100)]);
		await shows('third.png');
		expect((await box()).left).toBeCloseTo(whole.left, 0); // it springs back
		await fingers([beside(-100), beside(100)]);
		await shows('second.png');
		await fingers([beside(-100), beside(100)]);
		await shows('first.png');
		await fingers([beside(-10), beside(10)]); // hardly a swipe
		await shows('first.png');
	});

	it('follows the finger meanwhile', async () => {
		const before = await box();
		await touch('touchStart', beside(100));
		for (const x of [80, 60, 40]) await touch('touchMove', beside(x));
		expect((await box()).left - before.left).toBeCloseTo(-60, 0);
		await touch('touchMove', beside(98));
		await touch('touchEnd');
		await shows('first.png');
		expect((await box()).left).toBeCloseTo(before.left, 0);
	});

	it('looks closer with a double tap, and back', async () => {
		const twice = async ({ x, y }: Point) => {
			for (let i = 0; i < 2; i++) await ada.page.touchscreen.tap(x, y);
		};
		await twice(middle);
		await until('it is larger', async () => (await box()).width > whole.width * 2);
		await twice(beside(0, 90)); // elsewhere, lest it counts as a third tap
		await until('it is whole', async () => Math.abs((await box()).width - whole.width) < 1);
		await shows('first.png');
	});

	it('is put away downwards', async () => {
		await fingers([middle, beside(0, 60)]); // not far enough
		await shows('first.png');
		await fingers([middle, beside(5, 160)]);
		await viewer().waitFor({ state: 'detached' });
	});

	it('no page complained', () => w.expectNoFaults());
});
