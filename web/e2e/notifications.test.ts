// Story of the sixth point: being told, and being left alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, composer, message, openRoom, until, World, write, type Json, type Person } from './world';

let w: World;
let ada: Person;
let bob: Person;
let room: Json;

beforeAll(async () => {
	w = await World.start({ PARLEY_PUSH_SUBJECT: 'https://chat.example.com' });
	ada = await w.person('ada');
	bob = await w.person('bob');
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Engines', type: 'public' });
	await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
	// a desktop that remembers what it was asked and shown, and a window that one does not look at
	await ada.context.addInitScript(() => {
		const desktop = { permission: 'default', asked: 0, shown: [] as string[], sounds: 0 };
		Object.assign(window, { desktop });
		class Shown extends EventTarget {
			static get permission() {
				return desktop.permission;
			}
			static async requestPermission() {
				desktop.asked++;
				return (desktop.permission = 'granted');
			}
			constructor(title: string) {
				super();
				desktop.shown.push(title);
			}
			close() {}
		}
		Object.assign(window, { Notification: Shown });
		document.hasFocus = () => false;
		const start = OscillatorNode.prototype.start;
		OscillatorNode.prototype.start = function (...args) {
			desktop.sounds++;
			return start.apply(this, args);
		};
	});
});
afterAll(() => w?.stop());

const desktop = (): Promise<{ asked: number; shown: string[]; sounds: number }> => ada.page.evaluate(() => (window as unknown as { desktop: never }).desktop);
const centre = () => ada.page.getByRole('navigation', { name: 'Rooms and people' }).getByRole('link', { name: /^Notifications/ });
/** Ada looks at her window. */
const look = () =>
	ada.page.evaluate(() => {
		document.hasFocus = () => true;
		dispatchEvent(new Event('focus'));
	});
const entry = (text: string | RegExp) => ada.page.getByRole('main').getByRole('listitem').filter({ hasText: text });
/** Bob writes, and it has reached Ada's page. */
async function told(text: string, to = room.id): Promise<void> {
	const [sent] = await write(w, bob, to, 1, () => text);
	await until('it is unread', async () => {
		const r = await api(ada, w.base, 'GET', `/rooms/${to}`);
		return r.last_seq >= sent!.seq;
	});
}

describe('notifications', () => {
	it('a mention counts in the title, at the room and in the centre', async () => {
		await openRoom(w, ada, '1');
		await told('hello @ada, one');
		await centre().getByText('1', { exact: true }).first().waitFor();
		await until('the title counts', async () => /^\(1\) /.test(await ada.page.title()));
		await told('hello @ada, two');
		await until('the title counts on', async () => /^\(2\) /.test(await ada.page.title()));
		await centre().click();
		await entry('hello @ada, one').getByText('Bob mentioned you in Engines').waitFor();
		await entry('hello @ada, two').waitFor();
	});

	it('reads one, filters, and reads all', async () => {
		await entry('hello @ada, one').getByRole('button', { name: 'Mark as read' }).click();
		await ada.page.getByRole('radio', { name: 'Unread' }).check({ force: true });
		await until('only the other', async () => (await entry('hello @ada').count()) === 1);
		await entry('hello @ada, two').waitFor();
		await ada.page.getByRole('button', { name: 'Mark all as read' }).click();
		await ada.page.getByText('Nothing new').waitFor();
		await ada.page.getByRole('radio', { name: 'All' }).check({ force: true });
		await until('both again', async () => (await entry('hello @ada').count()) === 2);
		await look();
		await entry('hello @ada, one').getByRole('button', { name: 'Bob mentioned you in Engines' }).click();
		await message(ada, 'hello @ada, one').waitFor();
		await until('all is read', async () => !/^\(\d/.test(await ada.page.title()));
	});

	it('what was told before this visit goes when its room is read', async () => {
		await openRoom(w, ada, '1');
		await told('while you were away @ada');
		await centre().getByText('1', { exact: true }).first().waitFor();
		await ada.page.reload();
		await composer(ada).waitFor();
		await centre().getByText('1', { exact: true }).first().waitFor();
		await ada.page.locator('[data-room]').filter({ hasText: 'Engines' }).click();
		await message(ada, 'while you were away').waitFor();
		await look();
		await until('the count is gone', async () => (await centre().getByText('1', { exact: true }).count()) === 0);
	});

	it('asks for desktop notifications only when they are switched on, and shows them then', async () => {
		await openRoom(w, ada, '1');
		expect((await desktop()).asked).toBe(0);
		await ada.page.goto(`${w.base}/settings/notifications`);
		expect((await desktop()).asked).toBe(0);
		await ada.page.getByRole('switch', { name: 'Desktop notifications' }).check({ force: true });
		await until('it asked', async () => (await desktop()).asked === 1);
		await told('knock knock @ada');
		await until('it is shown', async () => (await desktop()).shown.includes('Bob mentioned you in Engines'));
		await until('it is heard', async () => (await desktop()).sounds > 0);
		const direct = await api(bob, w.base, 'POST', '/rooms/direct', { user_id: ada.id });
		await told('psst', direct.id);
		await until('direct messages are shown', async () => (await desktop()).shown.includes('Bob wrote to you'));
	});

	it('is silent in the hours of do-not-disturb, and without sounds', async () => {
		await ada.page.getByRole('switch', { name: 'Do not disturb' }).check({ force: true });
		const now = await ada.page.evaluate(() => {
			const clock = (ms: number) => new Date(Date.now() + ms).toTimeString().slice(0, 5);
			return { from: clock(-3_600_000), to: clock(3_600_000) };
		});
		await ada.page.getByLabel('From', { exact: true }).fill(now.from);
		await ada.page.getByLabel('To', { exact: true }).fill(now.to);
		await ada.page.getByLabel('To', { exact: true }).press('Tab');
		await until('the account knows', async () => (await api(ada, w.base, 'GET', '/auth/me')).settings?.dnd?.to === now.to);
		const before = await desktop();
		await told('are you there, @ada?');
		await ada.page.getByText('are you there').or(centre().getByText(/\d/)).first().waitFor();
		expect((await desktop()).shown).toEqual(before.shown);
		expect((await desktop()).sounds).toBe(before.sounds);
		await ada.page.getByRole('switch', { name: 'Do not disturb' }).uncheck({ force: true });
		await until('the account knows', async () => !(await api(ada, w.base, 'GET', '/auth/me')).settings?.dnd);
		await ada.page.getByRole('switch', { name: 'Sounds' }).uncheck({ force: true });
		await told('and now, @ada?');
		await until('shown again', async () => (await desktop()).shown.length > before.shown.length);
		expect((await desktop()).sounds).toBe(before.sounds);
	});

	it('keeps to what a room may tell', async () => {
		await openRoom(w, ada, '1');
		await api(ada, w.base, 'PATCH', `/rooms/${room.id}/preferences`, { notify: 'muted' });
		const row = ada.page.locator('[data-room]').filter({ hasText: 'Engines' });
		await row.getByRole('img', { name: 'Notifications are off' }).waitFor();
		await api(ada, w.base, 'POST', `/rooms/${room.id}/read`, { seq: (await api(ada, w.base, 'GET', `/rooms/${room.id}`)).last_seq });
		await told('nobody is told of this');
		await api(ada, w.base, 'PATCH', `/rooms/${room.id}/preferences`, { notify: 'all' });
		await row.getByText('1 unread message').waitFor({ state: 'attached' });
		await api(ada, w.base, 'PATCH', `/rooms/${room.id}/preferences`, { notify: 'mentions' });
		await told('but of this, @ada');
		await row.getByText('1 mention').waitFor({ state: 'attached' });
	});

	it('can be installed and starts without a network', async () => {
		const manifest = await (await fetch(`${w.base}/manifest.webmanifest`)).json();
		expect(manifest).toMatchObject({ start_url: '/', display: 'standalone' });
		for (const icon of manifest.icons) {
			const answer = await fetch(w.base + icon.src);
			expect(answer.status).toBe(200);
			expect(answer.headers.get('content-type')).toContain(icon.type);
			if (icon.type !== 'image/png') continue;
			const png = Buffer.from(await answer.arrayBuffer());
			expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`).toBe(icon.sizes);
		}
		expect(await ada.page.getAttribute('link[rel=manifest]', 'href')).toBe('/manifest.webmanifest');
		await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
		await ada.page.reload(); // the second visit is kept
		await composer(ada).waitFor();
		await ada.context.setOffline(true);
		await ada.page.reload();
		await ada.page.getByText('The server does not answer').waitFor();
		await ada.context.setOffline(false);
		await composer(ada).waitFor({ timeout: 30_000 }); // it tries again by itself
	});

	it('shows what is pushed while no page is open', async () => {
		const { key } = await api(bob, w.base, 'GET', '/push/key');
		expect(Buffer.from(key, 'base64url').length).toBe(65);
		const endpoint = 'https://push.example.com/somebody';
		const keys = { auth: Buffer.alloc(16, 1).toString('base64url'), p256dh: key };
		await api(bob, w.base, 'PUT', '/push/subscriptions', { endpoint, keys });
		expect((await api(bob, w.base, 'GET', '/push/subscriptions')).subscriptions.length).toBe(1);
		await api(bob, w.base, 'DELETE', `/push/subscriptions?endpoint=${encodeURIComponent(endpoint)}`, { endpoint });

		// what a push service would deliver, given to the worker by the browser itself
		await bob.context.grantPermissions(['notifications']);
		await openRoom(w, bob, '1');
		await bob.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
		const browser = await bob.context.newCDPSession(bob.page);
		const registered = new Promise<string>((done) => {
			browser.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && done(registrations[0].registrationId));
		});
		await browser.send('ServiceWorker.enable');
		const registrationId = await registered;
		await browser.send('ServiceWorker.deliverPushMessage', {
			origin: w.base,
			registrationId,
			data: JSON.stringify({ title: 'Ada mentioned you in Engines', body: 'come quickly', tag: 'notification-7', room_id: room.id }),
		});
		const shown = () => bob.page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => [n.title, n.body, n.tag]));
		await until('it is shown', async () => (await shown()).length === 1);
		expect(await shown()).toEqual([['Ada mentioned you in Engines', 'come quickly', 'notification-7']]);
	});

	it('no page complained', () => w.expectNoFaults());
});
