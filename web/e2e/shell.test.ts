// Story of the second point: rooms, people, moving around, and lines that break.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, composer, message, openRoom, say, until, World, type Json, type Person } from './world';

let w: World;
let ada: Person;
let bob: Person;
let room: Json;

beforeAll(async () => {
	w = await World.start();
	ada = await w.person('ada');
	bob = await w.person('bob');
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Engines', type: 'public', description: 'All about engines' });
	await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
	await api(ada, w.base, 'POST', `/rooms/${room.id}/read`, { seq: (await api(ada, w.base, 'GET', `/rooms/${room.id}`)).last_seq }); // that Bob came
});
afterAll(() => w?.stop());

const title = (p: Person, name: string) => p.page.locator('h1').getByRole('button', { name });
const row = (p: Person, name: string) => p.page.locator('[data-room]').filter({ hasText: name });

describe('the shell', () => {
	it('counts unread messages and mentions of other rooms, and forgets them when they are read', async () => {
		await openRoom(w, ada, '1');
		await openRoom(w, bob, room.id);
		await say(bob, 'something new');
		await row(ada, 'Engines').getByText('1', { exact: true }).waitFor();
		await say(bob, 'look here @ada please');
		await row(ada, 'Engines').getByText('1 mention').waitFor({ state: 'attached' });
		expect(await ada.page.title()).toMatch(/^\(\d+\) /);
		await row(ada, 'Engines').click();
		await message(ada, 'look here').waitFor();
		await until('nothing is unread', async () => (await row(ada, 'Engines').locator('.badge').count()) === 0);
		await until('the server knows', async () => (await api(ada, w.base, 'GET', `/rooms/${room.id}`)).me.unread_count === 0);
	});

	it('finds a public room in the directory and joins it', async () => {
		const carol = await w.person('carol');
		await carol.page.goto(`${w.base}/discover`);
		await carol.page.getByLabel('Search rooms').fill('engi');
		await carol.page.getByRole('button', { name: 'Join' }).click();
		await composer(carol).waitFor();
		await title(carol, 'Engines').waitFor();
		expect(new URL(carol.page.url()).pathname).toBe(`/r/${room.id}`);
	});

	it('jumps to rooms and people with the keyboard alone', async () => {
		await openRoom(w, ada, '1');
		await ada.page.keyboard.press('Control+k');
		await ada.page.getByRole('combobox').waitFor();
		await ada.page.keyboard.type('engin');
		await ada.page.getByRole('option', { name: /Engines/ }).waitFor();
		await ada.page.keyboard.press('Enter');
		await title(ada, 'Engines').waitFor();
		await ada.page.keyboard.press('Control+k');
		await ada.page.getByRole('combobox').waitFor();
		await ada.page.keyboard.type('bob');
		await ada.page.getByRole('option', { name: /Bob/ }).waitFor();
		await ada.page.keyboard.press('Enter');
		await title(ada, 'Bob').waitFor();
		await say(ada, 'hello Bob');
		await row(bob, 'Ada').getByText('1 unread message').waitFor({ state: 'attached' });
	});

	it('creates a room, changes it and deletes it with its name typed', async () => {
		await openRoom(w, ada, '1');
		await ada.page.getByRole('button', { name: 'Create a room' }).first().click();
		await ada.page.getByLabel('Name').fill('Short lived');
		await ada.page.getByRole('button', { name: 'Create', exact: true }).click();
		await title(ada, 'Short lived').waitFor();
		await title(ada, 'Short lived').click();
		await ada.page.getByRole('button', { name: 'Room settings' }).click();
		const dialog = ada.page.getByRole('dialog');
		await dialog.getByLabel('Topic').fill('The last days');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await ada.page.locator('header').getByText('The last days').waitFor();
		await dialog.getByRole('tab', { name: 'Close' }).click();
		await dialog.getByRole('button', { name: 'Delete the room' }).click();
		const ask = ada.page.getByRole('alertdialog');
		await ask.getByRole('textbox').fill('Short lived');
		await ask.getByRole('button', { name: 'Delete the room' }).click();
		await until('it is gone', async () => (await row(ada, 'Short lived').count()) === 0);
	});

	it('keeps favourites on top and silences rooms', async () => {
		await openRoom(w, ada, room.id);
		await title(ada, 'Engines').click();
		await ada.page.getByRole('switch', { name: 'Favourite' }).click({ force: true });
		await ada.page.getByRole('heading', { name: 'Favourites' }).waitFor();
		await ada.page.getByLabel('Notifications').last().selectOption('muted');
		await row(ada, 'Engines').getByLabel('Notifications are off').waitFor();
		await ada.page.getByLabel('Notifications').last().selectOption('all');
		await ada.page.getByRole('switch', { name: 'Favourite' }).click({ force: true });
	});

	it('a ban ends what the person sees at once', async () => {
		const dave = await w.person('dave');
		await api(dave, w.base, 'POST', `/rooms/${room.id}/join`);
		await openRoom(w, dave, room.id);
		await openRoom(w, ada, room.id);
		await ada.page.getByRole('button', { name: 'Members' }).first().click();
		await ada.page.getByRole('button', { name: 'Actions for Dave' }).click();
		await ada.page.getByRole('menuitem', { name: /Ban/ }).click();
		await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Ban' }).click();
		await until('the room is gone for Dave', async () => (await row(dave, 'Engines').count()) === 0);
		await until('Dave cannot write', async () => (await composer(dave).count()) === 0 || !(await composer(dave).isVisible()));
	});

	it('what is written without a line waits, survives a reload, and arrives once', async () => {
		await openRoom(w, ada, room.id);
		await openRoom(w, bob, room.id);
		await ada.context.setOffline(true);
		await ada.page.getByText('You are offline').waitFor();
		await say(ada, 'written without a line');
		await say(ada, 'and another');
		await ada.page.getByText('and another').waitFor();
		await ada.page.reload().catch(() => {}); // the service worker may or may not have the page yet
		await ada.context.setOffline(false);
		await ada.page.goto(`${w.base}/r/${room.id}`);
		await message(bob, 'and another').waitFor();
		await message(ada, 'and another').waitFor();
		const all = await api(bob, w.base, 'GET', `/rooms/${room.id}/messages?limit=100`);
		const texts = all.messages.map((x: Json) => x.content);
		expect(texts.filter((t: string) => t === 'written without a line').length).toBe(1);
		expect(texts.filter((t: string) => t === 'and another').length).toBe(1);
		expect(texts.indexOf('written without a line')).toBeLessThan(texts.indexOf('and another'));
	});

	it('a server that restarts while somebody types costs nothing', async () => {
		await openRoom(w, ada, room.id);
		await openRoom(w, bob, room.id);
		await composer(ada).pressSequentially('half a sen');
		await w.halt('SIGKILL');
		await ada.page.getByText(/Connecting|cannot be reached/).waitFor();
		await composer(ada).pressSequentially('tence');
		await composer(ada).press('Enter');
		await w.boot();
		await message(bob, 'half a sentence').waitFor({ timeout: 60_000 });
		await until('the banner is gone', async () => (await ada.page.getByText(/Connecting|cannot be reached/).count()) === 0);
		await say(bob, 'welcome back');
		await message(ada, 'welcome back').waitFor();
	});

	it('a second device is in step', async () => {
		const phone = await w.login('ada', { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true });
		await phone.page.goto(w.base);
		await row(phone, 'Engines').waitFor();
		await openRoom(w, ada, '1');
		await openRoom(w, bob, room.id);
		await say(bob, 'for both devices');
		await row(phone, 'Engines').getByText('1', { exact: true }).waitFor();
		await row(ada, 'Engines').click();
		await message(ada, 'for both devices').waitFor();
		await until('read on the phone too', async () => (await row(phone, 'Engines').locator('.badge').count()) === 0);
		await row(phone, 'Engines').click();
		await composer(phone).fill('from the phone');
		await phone.page.getByRole('button', { name: 'Send' }).tap(); // Enter makes a line on a phone
		await message(ada, 'from the phone').waitFor();
	});

	it('no page complained', () => w.expectNoFaults());
});
