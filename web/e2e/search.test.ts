// Story of the fifth point: finding what was said.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, message, openRoom, picture, until, uploads, World, write, type Json, type Person } from './world';

let w: World;
let ada: Person;
let bob: Person;
let room: Json;
let other: Json;

beforeAll(async () => {
	w = await World.start();
	ada = await w.person('ada');
	bob = await w.person('bob');
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Engines', slug: 'engines', type: 'public' });
	await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
	other = await api(ada, w.base, 'POST', '/rooms', { name: 'Kitchen', type: 'private' });
	await write(w, bob, room.id, 3, (n) => ['what comes before', 'the Pressure valve is **loose**', 'what comes after'][n - 1]!);
	await write(w, ada, room.id, 80, (n) => `filler ${n}`);
	await write(w, ada, room.id, 1, () => 'pressure is good, see https://example.com/valves');
	const [file] = await uploads(w, ada, { name: 'pressure.png', mimeType: 'image/png', buffer: picture });
	await write(w, ada, other.id, 1, () => ({ content: 'pressure cooker', attachments: [file!] }));
});
afterAll(() => w?.stop());

const field = (p: Person) => p.page.getByRole('searchbox', { name: 'Search' });
const hits = (p: Person) => p.page.getByRole('main').locator('li.hit');

async function look(p: Person, text: string) {
	await p.page.goto(`${w.base}/search`);
	await field(p).fill(text);
}

describe('search', () => {
	it('shows what was found with its neighbours and the words marked', async () => {
		await look(ada, 'pressure');
		await until('three hits', async () => (await hits(ada).count()) === 3);
		const hit = hits(ada).filter({ hasText: 'loose' });
		expect(await hit.locator('mark').allTextContents()).toEqual(['Pressure']);
		await hit.getByText('what comes before').waitFor();
		await hit.getByText('what comes after').waitFor();
		await ada.page.getByText('3 messages found').waitFor();
	});

	it('narrows down with chips, and keeps them in the address', async () => {
		await look(ada, 'pressure from:bob ');
		await ada.page.getByRole('button', { name: 'Remove From Bob' }).or(ada.page.getByRole('button', { name: /Remove.*Bob/ })).waitFor();
		await until('one hit', async () => (await hits(ada).count()) === 1);
		await ada.page.reload();
		await until('still one hit', async () => (await hits(ada).count()) === 1);
		await ada.page.getByRole('button', { name: /Remove.*Bob/ }).click();
		await until('three again', async () => (await hits(ada).count()) === 3);

		const filter = async (name: string) => {
			await ada.page.getByRole('button', { name: 'Add a filter' }).click();
			await ada.page.getByRole(/^With/.test(name) ? 'menuitemcheckbox' : 'menuitem', { name }).click();
		};
		await filter('With files');
		await until('the one with a file', async () => (await hits(ada).count()) === 1);
		await hits(ada).getByText('pressure.png').waitFor();
		await ada.page.keyboard.press('Escape');
		await filter('With files');
		await ada.page.keyboard.press('Escape');
		await filter('With links');
		await until('the one with a link', async () => (await hits(ada).count()) === 1);
		await ada.page.keyboard.press('Escape');
		await filter('With links');
		await ada.page.keyboard.press('Escape');
		await filter('In a room');
		await ada.page.getByRole('combobox', { name: 'Which room' }).selectOption({ label: 'Kitchen' });
		await until('the one of the kitchen', async () => (await hits(ada).count()) === 1 && (await hits(ada).getByText('Kitchen').count()) === 1);
		await ada.page.getByRole('button', { name: /Remove.*Kitchen/ }).click();
		await filter('From somebody');
		await ada.page.getByRole('dialog').getByRole('combobox').fill('bob');
		await ada.page.getByRole('option', { name: /Bob/ }).click();
		await until('Bob’s', async () => (await hits(ada).count()) === 1);
		await ada.page.getByRole('button', { name: /Remove.*Bob/ }).click();

		await look(ada, 'pressure before:2020-01-01 ');
		await ada.page.getByText('Nothing found').waitFor();
		await look(ada, 'pressure after:2020-01-01 ');
		await until('all since', async () => (await hits(ada).count()) === 3);
	});

	it('moves through what was found with the keyboard, and jumps to its place', async () => {
		await look(ada, 'pressure valve');
		await until('found', async () => (await hits(ada).filter({ hasText: 'loose' }).count()) === 1);
		await field(ada).press('ArrowDown');
		for (let i = 0; i < 3; i++) {
			if ((await ada.page.evaluate(() => document.activeElement?.closest('li')?.textContent ?? '')).includes('loose')) break;
			await ada.page.keyboard.press('ArrowDown');
		}
		await ada.page.keyboard.press('Enter');
		await message(ada, 'loose').waitFor();
		expect(new URL(ada.page.url()).pathname).toMatch(new RegExp(`^/r/${room.id}/m/\\d+$`));
		await message(ada, 'what comes before').waitFor();
		await ada.page.goBack();
		await until('the results are back', async () => (await hits(ada).count()) > 0);
	});

	it('is narrowed to the room it was opened from, and finds nothing in foreign rooms', async () => {
		await openRoom(w, bob, room.id);
		await bob.page.getByRole('button', { name: 'Search in this room' }).click();
		await bob.page.getByRole('button', { name: /Remove.*Engines/ }).waitFor();
		await look(bob, 'cooker');
		await bob.page.getByText('Nothing found').waitFor();
	});

	it('no page complained', () => w.expectNoFaults());
});
