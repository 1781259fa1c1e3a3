// Story of the seventh point: keeping order, by rank.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, choose, composer, message, openRoom, picture, say, until, World, type Json, type Person } from './world';

let w: World;
let owner: Person;
let admin: Person;
let moderator: Person;
let ada: Person;
let troll: Person;
let room: Json;

beforeAll(async () => {
	w = await World.start();
	await w.owner();
	owner = await w.login('owner');
	admin = await w.person('adam');
	moderator = await w.person('moira');
	ada = await w.person('ada');
	troll = await w.person('troll');
	await api(owner, w.base, 'PUT', `/admin/users/${admin.id}/rank`, { rank: 'admin' });
	await api(owner, w.base, 'PUT', `/admin/users/${moderator.id}/rank`, { rank: 'moderator' });
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Engines', type: 'public' });
	await api(troll, w.base, 'POST', `/rooms/${room.id}/join`);
});
afterAll(() => w?.stop());

const sections = (p: Person) => p.page.getByRole('navigation', { name: 'Administration' }).getByRole('link');
const open = (p: Person, section: string) => p.page.goto(`${w.base}/admin/${section}`);

/** Applies a measure of the people's list. */
async function measure(by: Person, kind: 'warning' | 'mute' | 'timeout' | 'ban', reason: string) {
	await open(by, 'people');
	await by.page.getByRole('searchbox').fill('troll');
	await by.page.getByRole('button', { name: 'Actions for Troll' }).click();
	await by.page.getByRole('menuitem', { name: /Warn, mute/ }).click();
	const dialog = by.page.getByRole('alertdialog');
	await dialog.getByLabel('Measure').selectOption(kind);
	await dialog.getByLabel('Reason').fill(reason);
	await dialog.getByRole('button', { name: 'Apply' }).click();
	await dialog.waitFor({ state: 'detached' });
}

async function lift(by: Person, kind: string) {
	await open(by, 'sanctions');
	const row = by.page.getByRole('listitem').filter({ hasText: 'Troll' }).filter({ hasText: kind });
	await row.getByRole('button', { name: 'Lift' }).click();
	await row.waitFor({ state: 'detached' });
}

describe('administration', () => {
	it('shows each rank what it may use, and no more', async () => {
		await open(ada, '');
		await ada.page.getByText('This page is for moderators and administrators.').waitFor();
		await ada.page.goto(w.base);
		await composer(ada).waitFor();
		expect(await ada.page.getByRole('link', { name: 'Administration' }).count()).toBe(0);

		const ofModerators = ['Overview', 'Reports', 'People', 'Sanctions', 'Audit log'];
		await open(moderator, '');
		await sections(moderator).first().waitFor();
		expect(await sections(moderator).allInnerTexts()).toEqual(ofModerators);
		await open(moderator, 'settings');
		await moderator.page.getByRole('heading', { name: 'Overview' }).waitFor();

		const ofAdmins = [...ofModerators, 'Rooms', 'Roles', 'Invitations', 'Emoji', 'Webhooks', 'Announcements', 'Server settings'];
		const ofOwners = ofAdmins.toSpliced(-1, 0, 'Plugins');
		for (const p of [admin, owner]) {
			await open(p, '');
			await sections(p).first().waitFor();
			expect(await sections(p).allInnerTexts()).toEqual(p === owner ? ofOwners : ofAdmins);
		}

		// nobody acts on those above them
		await open(moderator, 'people');
		await moderator.page.getByRole('searchbox').fill('adam');
		await moderator.page.getByText('@adam').waitFor();
		expect(await moderator.page.getByRole('button', { name: 'Actions for Adam' }).count()).toBe(0);
		await moderator.page.getByRole('searchbox').fill('troll');
		await moderator.page.getByRole('button', { name: 'Actions for Troll' }).click();
		expect(await moderator.page.getByRole('menuitem').count()).toBe(1);
		await moderator.page.keyboard.press('Escape');
	});

	it('takes a reported message from the queue to its end', async () => {
		await openRoom(w, troll, room.id);
		await openRoom(w, ada, room.id);
		await say(troll, 'buy cheap valves!!!');
		await choose(ada, message(ada, 'cheap valves'), 'Report');
		await ada.page.getByLabel('What is wrong with it?').fill('an advertisement');
		await ada.page.getByRole('button', { name: 'Report', exact: true }).click();
		await ada.page.getByText('Thank you. The moderators').first().waitFor();
		await open(moderator, 'reports');
		const report = moderator.page.getByRole('listitem').filter({ hasText: 'buy cheap valves' });
		await report.getByText('Reason: an advertisement').waitFor();
		await report.getByLabel('Note').fill('first time');
		await report.getByRole('button', { name: 'Delete message and resolve' }).click();
		await report.waitFor({ state: 'detached' });
		await message(ada, 'This message was deleted').waitFor();
		await moderator.page.getByRole('radio', { name: 'Resolved' }).check({ force: true });
		await moderator.page.getByText('Moira, ').waitFor();
	});

	it('warns, mutes and bans, and takes it back', async () => {
		await openRoom(w, troll, room.id);
		await openRoom(w, ada, room.id);
		await measure(moderator, 'warning', 'no advertisements');
		await troll.page.getByRole('link', { name: /^Notifications/ }).getByText('1', { exact: true }).first().waitFor();

		await measure(moderator, 'mute', 'cool down');
		await troll.page.getByText(/You are muted on the whole server.*Reason: cool down/).first().waitFor();
		expect(await composer(troll).count()).toBe(0);
		await lift(moderator, 'Mute');
		await composer(troll).waitFor();
		await say(troll, 'I will not be silent');
		await message(ada, 'I will not be silent').waitFor();

		await measure(admin, 'ban', 'enough');
		await troll.page.getByText('You are banned from this server.').waitFor();
		await lift(admin, 'Ban');
		await troll.page.getByLabel('Username').fill('troll');
		await troll.page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
		await troll.page.getByRole('button', { name: 'Log in' }).click();
		await composer(troll).waitFor();
	});

	it('keeps a log that can be filtered', async () => {
		await open(moderator, 'audit');
		const entries = moderator.page.locator('.entry');
		await entries.first().waitFor();
		await moderator.page.getByLabel('Action').selectOption({ label: 'Banned' });
		await until('only bans', async () => {
			const all = await entries.locator('[data-action]').allInnerTexts();
			return all.length > 0 && all.every((a) => a === 'Banned');
		});
		await entries.filter({ hasText: 'Adam' }).first().waitFor();
		await moderator.page.getByRole('button', { name: /Who: Anyone/ }).click();
		await moderator.page.getByRole('dialog').getByRole('combobox').fill('moira');
		await moderator.page.getByRole('option', { name: /Moira/ }).click();
		await moderator.page.getByText('Nothing fits').waitFor();
	});

	it('counts and draws what happened', async () => {
		await open(moderator, 'overview');
		await moderator.page.getByText('Messages a day').first().waitFor();
		await until('the figures', async () => (await moderator.page.locator('dd').allInnerTexts()).includes('5'));
	});

	it('tells everyone', async () => {
		await openRoom(w, ada, room.id);
		await open(admin, 'announce');
		await admin.page.getByLabel('Title').fill('Works tonight');
		await admin.page.getByLabel('Text').fill('From ten to eleven.');
		await admin.page.getByRole('button', { name: 'Tell everyone' }).click();
		await admin.page.getByRole('alertdialog').getByRole('button', { name: 'Tell everyone' }).click();
		await admin.page.getByText(/\d people were told/).first().waitFor();
		await ada.page.goto(`${w.base}/notifications`);
		await ada.page.getByText('Works tonight').waitFor();
		await ada.page.getByText('From ten to eleven.').waitFor();
	});

	it('makes and gives a role', async () => {
		await open(admin, 'roles');
		await admin.page.getByRole('button', { name: 'New role' }).click();
		await admin.page.getByLabel('Name', { exact: true }).fill('Engineers');
		await admin.page.getByRole('alertdialog').getByRole('button', { name: 'Save' }).click();
		await admin.page.getByRole('button', { name: 'Engineers' }).first().waitFor();
		await open(admin, 'people');
		await admin.page.getByRole('button', { name: 'Actions for Ada' }).click();
		await admin.page.getByRole('menuitem', { name: 'Roles…' }).click();
		await admin.page.getByRole('checkbox', { name: 'Engineers' }).check({ force: true });
		await admin.page.getByRole('alertdialog').getByRole('button', { name: 'Save' }).click();
		await until('she has it', async () => {
			const { users } = await api(admin, w.base, 'GET', '/admin/users?q=ada');
			return users.find((u: Json) => u.username === 'ada').roles.length > 0;
		});
	});

	it('adds an emoji that everyone can use at once', async () => {
		await openRoom(w, ada, room.id);
		await open(admin, 'emoji');
		const choosing = admin.page.waitForEvent('filechooser');
		await admin.page.getByRole('button', { name: 'Choose a picture' }).click();
		await (await choosing).setFiles({ name: 'gear.png', mimeType: 'image/png', buffer: picture });
		await admin.page.getByRole('button', { name: 'Add an emoji' }).click();
		await admin.page.getByText(':gear:').first().waitFor();
		await say(ada, 'a :gear: turns ');
		await message(ada, 'turns').locator('img').waitFor();
	});

	it('changes the server while it runs', async () => {
		await openRoom(w, ada, room.id);
		await open(admin, 'settings');
		await admin.page.getByLabel('Name of the server').fill('The Works');
		await admin.page.getByRole('button', { name: 'Save' }).click();
		await ada.page.getByRole('heading', { name: 'The Works' }).first().waitFor();
	});

	it('no page complained', () => w.expectNoFaults());
});
