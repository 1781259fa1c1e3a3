// Stories of roles, and of the server's channels: who may what, and in what order they stand.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, openRoom, until, World, type Json, type Person } from './world';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
let w: World;
let owner: Person;
let ada: Person;
let news: Json;

beforeAll(async () => {
	w = await World.start();
	await w.owner();
	owner = await w.login('owner');
	await owner.context.addInitScript({ path: axe });
	ada = await w.person('ada');
	await ada.context.addInitScript({ path: axe });
});
afterAll(() => w?.stop());

const channels = (p: Person) => p.page.getByRole('region', { name: 'Channels of the server' });
const names = async (p: Person) => (await channels(p).locator('li').allInnerTexts()).map((s) => s.trim().split('\n').at(-1));

/** Takes a picture where PICTURES says, in the theme asked for, and has axe look at the page. */
async function look(p: Person, name: string) {
	const found = await p.page.evaluate(async () => {
		const run = (window as unknown as { axe: { run(on: Document, o: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run;
		return (await run(document, { resultTypes: ['violations'] })).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);
	});
	expect(found, name).toEqual([]);
	if (!process.env.PICTURES) return;
	for (const scheme of ['light', 'dark'] as const) {
		await p.page.emulateMedia({ colorScheme: scheme });
		await p.page.screenshot({ path: `${process.env.PICTURES}/${name}-${scheme}.png` });
	}
	const size = p.page.viewportSize();
	await p.page.setViewportSize({ width: 360, height: 740 });
	await p.page.screenshot({ path: `${process.env.PICTURES}/${name}-phone.png` });
	if (size) await p.page.setViewportSize(size);
	await p.page.emulateMedia({ colorScheme: 'light' });
}

describe('channels of the server', () => {
	it('are made by who manages rooms, and everybody sees them at once', async () => {
		await owner.page.goto(w.base);
		await ada.page.goto(w.base);
		await channels(ada).waitFor();
		for (const [name, form] of [['Lines', 'A heading in the list of channels'], ['News', 'Writing'], ['Lounge', 'Speaking']] as const) {
			await owner.page.getByRole('button', { name: 'Create a room' }).first().click();
			const dialog = owner.page.getByRole('dialog');
			await dialog.getByLabel('Name').fill(name);
			await dialog.getByRole('switch', { name: /A channel of the server/ }).check();
			await dialog.getByLabel('What is it for?').selectOption({ label: form });
			if (name === 'News') await look(owner, 'create-channel');
			await dialog.getByRole('button', { name: 'Create', exact: false }).last().click();
			await dialog.waitFor({ state: 'detached' });
		}
		await until('ada sees them', async () => (await names(ada)).join() === 'general,Lines,News,Lounge');
		await ada.page.getByRole('button', { name: 'Create a room' }).first().click();
		expect(await ada.page.getByRole('dialog').getByRole('switch').count()).toBe(0);
		await ada.page.keyboard.press('Escape');
		news = (await api(owner, w.base, 'GET', '/rooms/server')).rooms.find((r: Json) => r.name === 'News');
	});

	it('stand in the order that an administrator gives them', async () => {
		await owner.page.goto(`${w.base}/admin/rooms`);
		await owner.page.getByRole('button', { name: 'Further up: News' }).click();
		await until('ada sees the order', async () => (await names(ada)).join() === 'general,News,Lines,Lounge');
		await look(owner, 'channel-order');
	});

	it('let only some roles write, and close to all others', async () => {
		await openRoom(w, owner, news.id);
		await owner.page.getByRole('button', { name: /Members/ }).first().click();
		await owner.page.getByRole('button', { name: 'Room settings' }).click();
		await owner.page.getByRole('tab', { name: 'Permissions' }).click();
		await owner.page.getByText('Write', { exact: true }).click();
		const line = owner.page.getByRole('radiogroup', { name: 'Write: Admin' });
		await line.getByRole('radio', { name: 'May', exact: true }).check();
		await look(owner, 'room-permissions');
		await owner.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
		await owner.page.getByText('Saved').first().waitFor();
		const refused = await api(ada, w.base, 'POST', `/rooms/${news.id}/messages`, { content: 'x' }).then(() => '', (err: Error) => err.message);
		expect(refused).toContain('send_forbidden');
	});
});

describe('roles', () => {
	it('are made, put in order, and taken by those who like', async () => {
		await owner.page.goto(`${w.base}/admin/roles`);
		await owner.page.getByRole('button', { name: 'New role' }).click();
		const dialog = owner.page.getByRole('alertdialog');
		await dialog.getByLabel('Name').fill('Gamers');
		await dialog.getByLabel('Colour').first().check();
		await dialog.getByLabel('Show its holders apart').check();
		await dialog.getByLabel('People may take it themselves').check();
		await look(owner, 'role-new');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await dialog.waitFor({ state: 'detached' });
		await owner.page.getByRole('button', { name: 'Higher: Gamers' }).click();
		await until('it stands above moderators', async () => (await api(owner, w.base, 'GET', '/admin/roles')).roles.map((r: Json) => r.name).join() === 'owner,admin,Gamers,moderator,user');
		await look(owner, 'roles');

		await ada.page.goto(`${w.base}/settings/profile`);
		await ada.page.getByRole('switch', { name: 'Gamers' }).check();
		await until('ada has it', async () => (await api(ada, w.base, 'GET', '/auth/me')).roles.length === 2);
		await look(ada, 'self-roles');
	});

	it('group and colour people, and are given on their card', async () => {
		const general = (await api(owner, w.base, 'GET', '/rooms')).rooms.find((r: Json) => r.slug === 'general');
		await openRoom(w, owner, general.id);
		await owner.page.getByRole('button', { name: /Members/ }).first().click();
		await owner.page.getByRole('heading', { name: /Gamers/ }).waitFor();
		await look(owner, 'members');
		await owner.page.getByRole('button', { name: 'Ada', exact: true }).last().click();
		await owner.page.getByRole('button', { name: 'Change roles' }).click();
		await owner.page.getByRole('checkbox', { name: 'Moderator' }).check();
		await until('ada is one', async () => (await api(ada, w.base, 'GET', '/auth/me')).rank === 'moderator');
		await look(owner, 'person-roles');
	});

	it('end without a fault in the page', () => {
		expect([...owner.faults, ...ada.faults]).toEqual([]);
	});
});
