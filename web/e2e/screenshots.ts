// Pictures of every screen, of the demonstration's community: light, dark, and on a phone. Run by make screenshots. FOLDER is another
// place for them, LOOKS=light,german,… other looks, ONLY=room,login,… some of the screens, PNG=<folder> where they are left as PNG, too.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { doors, screens, settled, type Place, type Screen } from './screens';
import { api, World, type Json, type Person } from './world';

const folder = process.env.FOLDER ?? resolve(import.meta.dirname, '../../docs/screenshots');
const only = process.env.ONLY?.split(',');
const everybody = 'bread-and-boats'; // the password of the demonstration

const looks = [
	{ name: 'light', options: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' } },
	{ name: 'dark', options: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' } },
	{ name: 'phone', options: { viewport: { width: 375, height: 812 }, colorScheme: 'light', hasTouch: true, isMobile: true } },
	// to be looked at, but not kept with the documentation
	{ name: 'contrast', options: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark', contrast: 'more' } },
	{ name: 'german', options: { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'de-DE' } },
	{ name: 'german-phone', options: { viewport: { width: 360, height: 740 }, colorScheme: 'dark', locale: 'de-DE', hasTouch: true, isMobile: true } },
] as const;
const wanted = process.env.LOOKS?.split(',') ?? ['light', 'dark', 'phone'];

let w: World;
let place: Place;

beforeAll(async () => {
	w = await World.start({ PARLEY_LIMITS_REQUESTS_PER_MINUTE: '0', PARLEY_PUSH_SUBJECT: 'https://chat.example.com' }, { demo: true });
	const mara = await w.login('mara', {}, everybody);
	const { rooms } = await api(mara, w.base, 'GET', '/rooms');
	const shared = rooms.filter((r: Json) => r.type === 'public').sort((a: Json, b: Json) => b.last_seq - a.last_seq);
	const room = shared[0];
	const messages: Json[] = [];
	for (const r of shared) messages.push(...(await api(mara, w.base, 'GET', `/rooms/${r.id}/messages?limit=100`)).messages);
	const most = (count: (m: Json) => number) => messages.reduce((a, b) => (count(b) > count(a) ? b : a));
	const invite = await api(mara, w.base, 'POST', `/rooms/${room.id}/invites`, {});
	const someone = await w.login('nora', {}, everybody);
	const hers = new Set((await api(someone, w.base, 'GET', '/rooms')).rooms.map((r: Json) => r.id));
	const foreign = messages.findLast((m) => hers.has(m.room_id) && m.sender && m.sender.username !== 'nora' && !m.deleted && m.type === 'text')!;
	await api(someone, w.base, 'POST', `/messages/${foreign.id}/report`, { reason: 'Is this meant for this room?' });
	await api(mara, w.base, 'POST', '/admin/sanctions', { user_id: (await api(mara, w.base, 'GET', '/admin/users?q=owen')).users[0].id, kind: 'warning', reason: 'Please keep to the topic' });
	place = {
		room: room.id,
		thread: most((m) => m.thread?.reply_count ?? 0),
		pictures: most((m) => (m.deleted ? 0 : m.attachments.length)),
		invite: invite.code,
		query: 'bread',
	};
	await w.leave(someone);
	await w.leave(mara);
	for (const f of [folder, process.env.PNG]) if (f) await mkdir(f, { recursive: true });
	if (!only) for (const old of await readdir(folder)) if (/\.(webp|png)$/.test(old)) await rm(`${folder}/${old}`);
});
afterAll(() => w?.stop());

/** Everything is drawn: pictures and letters are there, and nothing is asked for. */
async function drawn(p: Person) {
	await p.page.waitForLoadState('networkidle');
	await settled(p);
	await p.page.waitForFunction(() => {
		const shown = (box: DOMRect) => box.bottom > 0 && box.top < innerHeight && box.width > 0;
		return document.fonts.status === 'loaded' && [...document.images].every((i) => i.complete || !shown(i.getBoundingClientRect()));
	});
}

async function take(p: Person, look: string, list: Screen[]) {
	const devtools = await p.context.newCDPSession(p.page);
	for (const screen of list) {
		if (only && !only.includes(screen.name)) continue;
		await screen.open(p, w);
		await drawn(p);
		const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 78 });
		await writeFile(`${folder}/${screen.name}-${look}.webp`, Buffer.from(data, 'base64'));
		if (process.env.PNG) await p.page.screenshot({ path: `${process.env.PNG}/${screen.name}-${look}.png` });
	}
}

for (const { name, options } of looks.filter((l) => wanted.includes(l.name))) {
	it(`takes pictures: ${name}`, async () => {
		const settings = { ...options, reducedMotion: 'reduce' } as const;
		const stranger = await w.stranger(settings);
		await take(stranger, name, doors(place));
		await w.leave(stranger);
		const p = await w.login('mara', settings, everybody);
		const list = screens(place);
		if (name.endsWith('phone')) {
			list.unshift({
				name: 'list',
				open: async (p, w) => {
					await p.page.goto(w.base);
					await p.page.locator('[data-room]').first().waitFor();
				},
			});
		}
		await take(p, name, list);
		await w.leave(p);
	});
}
