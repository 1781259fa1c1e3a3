// Story of sound and films: sent through the composer and played in the timeline, from files that people's programs made.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, composer, message, openRoom, until, World, type Json, type Person } from './world';

let w: World;
let ada: Person;
let bob: Person;
let room: Json;

beforeAll(async () => {
	w = await World.start();
	await w.owner();
	const owner = await w.login('owner');
	await owner.page.goto(`${w.base}/admin/settings`);
	const taken = owner.page.getByRole('group', { name: 'Files that people can send' });
	await taken.getByRole('checkbox', { name: 'Videos' }).check({ force: true });
	await taken.getByRole('checkbox', { name: 'Audio' }).check({ force: true });
	await taken.getByRole('checkbox', { name: 'Documents' }).uncheck({ force: true });
	await owner.page.getByRole('button', { name: 'Save' }).click();
	await until('films are taken', async () => {
		const { limits } = await api(owner, w.base, 'GET', '/server');
		return limits.attachment_types.includes('mp4') && limits.attachment_types.includes('mp3') && !limits.attachment_types.includes('pdf');
	});
	ada = await w.person('ada');
	bob = await w.person('bob');
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Cinema', slug: 'cinema', type: 'public' });
	await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
	await openRoom(w, ada, room.id);
	await openRoom(w, bob, room.id);
});
afterAll(() => w?.stop());

interface Made {
	name: string;
	mimeType: string;
	buffer: Buffer;
}

const recording = (name: string, mimeType: string): Made => ({ name, mimeType, buffer: readFileSync(resolve(import.meta.dirname, '../../internal/scan/testdata', name)) });

/** A tone of many seconds in a file of several megabytes. */
function long(seconds: number): Made {
	const rate = 48_000;
	const samples = Buffer.alloc(seconds * rate * 2);
	for (let i = 0; i < seconds * rate; i++) samples.writeInt16LE(Math.round(8000 * Math.sin(i / 17)), 2 * i);
	const head = Buffer.alloc(44);
	head.write('RIFF', 0);
	head.writeUInt32LE(36 + samples.length, 4);
	head.write('WAVEfmt ', 8);
	head.writeUInt32LE(16, 16);
	head.writeUInt16LE(1, 20); // samples as they are
	head.writeUInt16LE(1, 22); // one channel
	head.writeUInt32LE(rate, 24);
	head.writeUInt32LE(2 * rate, 28);
	head.writeUInt16LE(2, 32);
	head.writeUInt16LE(16, 34);
	head.write('data', 36);
	head.writeUInt32LE(samples.length, 40);
	return { name: 'long.wav', mimeType: 'audio/wav', buffer: Buffer.concat([head, samples]) };
}

/** Sends a file with words, as people do. */
async function send(p: Person, file: Made, words: string): Promise<void> {
	const arrived = p.page.waitForResponse((r) => r.url().endsWith('/api/attachments/upload'));
	await p.page.locator('input[type=file]').setInputFiles(file);
	await composer(p).fill(words);
	expect((await arrived).status()).toBe(201);
	await composer(p).press('Enter');
}

/** Plays from a place for a moment; answers with how far it came and how long the whole is. */
const play = (player: Locator, from: number): Promise<{ at: number; duration: number }> =>
	player.evaluate(async (el: HTMLMediaElement, from) => {
		const heard = (name: string) => new Promise((done, fail) => {
			el.addEventListener(name, done, { once: true });
			el.addEventListener('error', () => fail(new Error(`cannot be played: ${el.error?.message}`)), { once: true });
		});
		el.muted = true;
		if (from > 0) {
			el.preload = 'metadata';
			if (el.readyState < 1) {
				const known = heard('loadedmetadata');
				el.load();
				await known;
			}
			const there = heard('seeked');
			el.currentTime = from;
			await there;
		}
		await el.play();
		while (el.currentTime < from + 0.3) await heard('timeupdate');
		el.pause();
		return { at: el.currentTime, duration: el.duration };
	}, from);

describe('films and sound', () => {
	for (const [file, kind, tag] of [
		[recording('film.mp4', 'video/mp4'), 'mp4', 'video'],
		[recording('film.webm', 'video/webm'), 'webm', 'video'],
		[recording('sound.mp3', 'audio/mpeg'), 'mp3', 'audio'],
		[recording('sound.ogg', 'audio/ogg'), 'ogg', 'audio'],
	] as const) {
		it(`${kind}: is sent, and plays for everybody from where they like`, async () => {
			await send(ada, file, `a ${kind}`);
			for (const p of [ada, bob]) {
				const row = message(p, `a ${kind}`);
				await row.waitFor();
				const player = row.locator(tag);
				const { at, duration } = await play(player, 0);
				expect(at).toBeGreaterThan(0.2);
				expect(duration).toBeGreaterThan(2.5);
				expect(duration).toBeLessThan(3.5);
				expect((await play(player, 2)).at).toBeGreaterThan(2.2);
				if (tag === 'video') expect(await player.evaluate((el: HTMLVideoElement) => [el.videoWidth, el.videoHeight])).toEqual([96, 72]);
				await row.getByText(file.name).waitFor();
			}
		});
	}

	it('a long one is not read whole to hear its end', async () => {
		const file = long(90);
		await send(ada, file, 'a long one');
		const row = message(bob, 'a long one');
		await row.waitFor();
		const ranges: string[] = [];
		bob.page.on('response', (r) => {
			if (r.url().includes('/api/attachments/') && r.status() === 206) ranges.push(r.headers()['content-range'] ?? '');
		});
		const { at, duration } = await play(row.locator('audio'), 80);
		expect(at).toBeGreaterThan(80);
		expect(duration).toBeCloseTo(90, 1);
		await until('a later part was asked for', () => ranges.some((r) => Number(/^bytes (\d+)-/.exec(r)?.[1]) > 1_000_000));
	});

	it('what only says that it is a film is refused, and said so', async () => {
		await ada.page.locator('input[type=file]').setInputFiles({ name: 'page.mp4', mimeType: 'video/mp4', buffer: Buffer.from('<html><script>alert(1)</script>') });
		await ada.page.getByText(/not of the type it is declared to be/).first().waitFor();
		w.expectNoFaults();
	});

	it('the dialog offers what the server takes', async () => {
		const accept = (await ada.page.locator('input[type=file]').getAttribute('accept'))?.split(',') ?? [];
		for (const ending of ['.jpg', '.jpeg', '.mp4', '.webm', '.mp3', '.ogg', '.wav', '.mov']) expect(accept).toContain(ending);
		expect(accept).not.toContain('.pdf');
	});
});
