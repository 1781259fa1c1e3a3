// Story of what a message carries besides its words: polls, embeds, and authors that are no people.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settled } from './screens';
import { api, composer, openRoom, say, until, World, write, type Json, type Person } from './world';

let w: World;
let owner: Person;
let ada: Person;
let bob: Person;
let room: Json;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

beforeAll(async () => {
	w = await World.start({ PARLEY_LINK_PREVIEWS: 'false' });
	await w.owner();
	owner = await w.login('owner', { reducedMotion: 'reduce' });
	ada = await w.person('ada');
	bob = await w.person('bob', { reducedMotion: 'reduce' });
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Kitchen', type: 'public' });
	for (const p of [owner, bob]) await api(p, w.base, 'POST', `/rooms/${room.id}/join`);
	for (const p of [owner, bob]) await p.context.addInitScript({ path: axe });
	for (const p of [ada, bob]) await openRoom(w, p, room.id);
});
afterAll(() => w?.stop());

const poll = (p: Person, question: string) => p.page.getByRole('region', { name: `Poll: ${question}` });
const option = (p: Person, question: string, text: string) => poll(p, question).getByRole('button', { name: new RegExp(`^${text} \\d`) });
const result = (p: Person, question: string, text: string) => option(p, question, text).locator('.visually-hidden').textContent();

/** What axe finds in everything that is shown. */
async function axeFinds(p: Person): Promise<string[]> {
	return p.page.evaluate(async () => {
		type Axe = { run: (c: unknown, o: unknown) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
		const found = await (window as unknown as { axe: Axe }).axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] });
		return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)}`));
	});
}

describe('polls', () => {
	it('are asked from the menu of the composer, and everybody sees votes move', async () => {
		await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
		await ada.page.getByRole('menuitem', { name: 'Poll' }).click();
		const dialog = ada.page.getByRole('dialog', { name: 'New poll' });
		await dialog.getByLabel('Question').fill('Tea or coffee?');
		await dialog.getByLabel('Option 1').fill('Tea');
		await dialog.getByLabel('Option 2').fill('Coffee');
		await dialog.getByRole('button', { name: 'Add an option' }).click();
		expect(await dialog.getByLabel('Option 3', { exact: true }).evaluate((e) => e === document.activeElement)).toBe(true);
		await dialog.getByLabel('Option 3', { exact: true }).fill('Neither');
		await dialog.getByLabel('Takes votes for').selectOption({ label: '1 day' });
		await dialog.getByRole('button', { name: 'Ask' }).click();
		await dialog.waitFor({ state: 'detached' });

		await option(bob, 'Tea or coffee?', 'Tea').click();
		await until('ada sees the vote', async () => (await result(ada, 'Tea or coffee?', 'Tea')) === '1 vote (100%)');
		expect(await option(bob, 'Tea or coffee?', 'Tea').getAttribute('aria-pressed')).toBe('true');
		expect(await option(ada, 'Tea or coffee?', 'Tea').getAttribute('aria-pressed')).toBe('false');
		await poll(ada, 'Tea or coffee?').getByText(/^Ends (tomorrow|in )/).waitFor();

		// one choice: it moves, and can be taken back
		await option(bob, 'Tea or coffee?', 'Coffee').click();
		await until('the vote moved', async () => (await result(ada, 'Tea or coffee?', 'Coffee')) === '1 vote (100%)');
		expect(await option(bob, 'Tea or coffee?', 'Tea').getAttribute('aria-pressed')).toBe('false');
		await option(bob, 'Tea or coffee?', 'Coffee').click();
		await until('the vote is gone', async () => (await result(ada, 'Tea or coffee?', 'Coffee')) === '0 votes (0%)');
		await option(bob, 'Tea or coffee?', 'Coffee').click();
		await until('and back', async () => (await option(bob, 'Tea or coffee?', 'Coffee').getAttribute('aria-pressed')) === 'true');
	});

	it('know what the reader voted for after a reload, and through votes of others', async () => {
		await bob.page.reload();
		await until('bob still voted', async () => (await option(bob, 'Tea or coffee?', 'Coffee').getAttribute('aria-pressed')) === 'true');
		await option(ada, 'Tea or coffee?', 'Tea').click();
		await until('bob sees it', async () => (await result(bob, 'Tea or coffee?', 'Tea')) === '1 vote (50%)');
		expect(await option(bob, 'Tea or coffee?', 'Coffee').getAttribute('aria-pressed')).toBe('true');
	});

	it('are ended by who asked, and then say who voted for what', async () => {
		expect(await poll(bob, 'Tea or coffee?').getByRole('button', { name: 'End poll' }).count()).toBe(0);
		await poll(ada, 'Tea or coffee?').getByRole('button', { name: 'End poll' }).click();
		await ada.page.getByRole('alertdialog').getByRole('button', { name: 'End poll' }).click();
		await poll(bob, 'Tea or coffee?').getByText('Ended').waitFor();
		await poll(bob, 'Tea or coffee?').getByRole('button', { name: 'Who voted for what' }).click();
		const list = poll(bob, 'Tea or coffee?').locator('dl');
		await list.getByText('Ada').waitFor();
		expect((await list.innerText()).replace(/\s+/g, ' ')).toContain('Tea Ada Coffee Bob Neither Nobody');
		expect(await option(bob, 'Tea or coffee?', 'Neither').getAttribute('aria-disabled')).toBe('true');
	});

	it('can be typed, and take several choices by the keyboard', async () => {
		await say(ada, '/poll Cake? | Yes | No');
		await poll(bob, 'Cake?').waitFor();
		await write(w, ada, room.id, 1, () => ({ content: '', poll: { question: 'Which days?', options: [{ text: 'Monday', emoji: '🌙' }, { text: 'Tuesday' }], multiple: true } }));
		const row = bob.page.locator('[data-id]').last();
		await poll(bob, 'Which days?').waitFor();
		await row.focus();
		await bob.page.keyboard.press('Tab');
		await until('the keyboard reaches the options', async () => {
			if (await option(bob, 'Which days?', 'Monday').evaluate((e) => e === document.activeElement)) return true;
			await bob.page.keyboard.press('Tab');
			return false;
		});
		await bob.page.keyboard.press('Space');
		await bob.page.keyboard.press('Tab');
		await bob.page.keyboard.press('Enter');
		await until('both count', async () => (await poll(ada, 'Which days?').innerText()).includes('1 person voted') && (await result(ada, 'Which days?', 'Tuesday')) === '1 vote (100%)');
	});
});

describe('embeds', () => {
	it('show all that they have, safely, and load nothing from elsewhere', async () => {
		const asked: string[] = [];
		bob.page.on('request', (r) => !r.url().startsWith(w.base) && !r.url().startsWith('ws:') && !r.url().startsWith('blob:') && asked.push(r.url()));
		await write(w, ada, room.id, 1, () => ({
			content: 'Look:',
			embeds: [
				{
					title: 'Boiler',
					url: 'https://engines.example/boiler',
					description: 'It is **hot** <img src=x onerror=alert(1)> [x](javascript:alert(1))',
					color: 0xcc3300,
					author: { name: 'Engine room', url: 'javascript:alert(1)', icon_url: 'https://engines.example/icon.png' },
					fields: [
						{ name: 'Pressure', value: '3.5 bar', inline: true },
						{ name: 'Temperature', value: '`140 °C`', inline: true },
						{ name: 'Note', value: 'Somebody should look after the valve, which has been leaking since Tuesday.' },
					],
					image: { url: 'https://engines.example/boiler.png' },
					thumbnail: { url: 'https://engines.example/small.png' },
					footer: { text: 'Sensor 7' },
					timestamp: '2026-03-01T12:00:00Z',
				},
			],
		}));
		const card = bob.page.getByRole('group', { name: 'Boiler' });
		await card.waitFor();
		expect(await card.locator('.message-text strong').first().textContent()).toBe('hot');
		expect(await card.getByRole('link', { name: 'Boiler' }).getAttribute('href')).toBe('https://engines.example/boiler');
		expect(await card.locator('a[href^="javascript"], img').count()).toBe(0);
		await card.getByRole('link', { name: 'Picture on engines.example' }).waitFor();
		expect(await card.locator('dt').allInnerTexts()).toEqual(['Pressure', 'Temperature', 'Note']);
		expect(asked).toEqual([]);
	});
});

describe('webhooks', () => {
	let address = '';

	it('are made in the settings of a room by who manages the server, with an address to copy', async () => {
		await owner.page.goto(`${w.base}/admin/webhooks`);
		await owner.page.getByLabel('Name').fill('CI');
		await owner.page.getByLabel('Room', { exact: true }).selectOption({ label: 'Kitchen' });
		await owner.page.getByRole('button', { name: 'Create', exact: true }).click();
		address = await owner.page.getByLabel('Address of CI').inputValue();
		expect(address).toMatch(new RegExp(`^${w.base}/webhooks\\?token=[0-9a-f-]{36}[0-9a-f]{32}$`));
		expect(await owner.page.locator('pre').innerText()).toContain(`'${address}'`);

		await owner.page.getByRole('button', { name: 'Edit CI' }).click();
		await owner.page.getByTestId('webhook').getByLabel('Name').fill('Build');
		await owner.page.getByRole('button', { name: 'Save' }).click();
		await owner.page.getByRole('button', { name: 'Edit Build' }).waitFor();
	});

	it('post under their name, with a mark that they are no people', async () => {
		const answer = await fetch(address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ content: 'Build 41 is **green**', embeds: [{ title: 'Log', color: 0x00aa44 }] }) });
		expect(answer.status).toBe(204);
		for (const p of [ada, bob]) {
			const row = p.page.locator('[data-id]').filter({ hasText: 'Build 41' }).last();
			await row.waitFor();
			expect(await row.locator('.who').innerText()).toMatch(/Build\s+Webhook/);
			await row.getByRole('group', { name: 'Log' }).waitFor();
		}
	});

	it('get another address, and go', async () => {
		await owner.page.getByRole('button', { name: 'New address' }).click();
		await owner.page.getByRole('alertdialog').getByRole('button', { name: 'New address' }).click();
		await owner.page.getByRole('alertdialog').waitFor({ state: 'detached' });
		const next = await owner.page.getByLabel('Address of Build').inputValue();
		expect(next).not.toBe(address);
		const post = (to: string) => fetch(to, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"content":"x"}' }).then((r) => r.status);
		expect(await post(address)).toBe(401);
		await owner.page.getByRole('button', { name: 'Delete Build' }).click();
		await owner.page.getByRole('alertdialog').getByRole('button', { name: 'Confirm' }).click();
		await owner.page.getByText('No webhooks yet').waitFor();
		expect(await post(next)).toBe(401);
	});
});

it('nothing of it has a fault that axe finds, in any width', async () => {
	for (const p of [bob, owner]) {
		if (p === owner) await openRoom(w, owner, room.id);
		await composer(p).waitFor();
		for (const theme of ['light', 'dark']) {
			await p.page.evaluate((t) => {
				document.documentElement.dataset.theme = t;
				const still = new CSSStyleSheet(); // colours that are on their way to others are not looked at
				still.replaceSync('*, *::before, *::after { transition: none !important; animation: none !important; }');
				document.adoptedStyleSheets = [still];
			}, theme);
			await settled(p);
			expect(await axeFinds(p)).toEqual([]);
		}
	}
	w.expectNoFaults();
});
