// Story of a forum: threads are opened, read, answered, put away and deleted.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, until, World, type Json, type Person } from './world';

let w: World;
let owner: Person;
let ada: Person;
let bob: Person;
let forum: Json;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

beforeAll(async () => {
	w = await World.start({ PARLEY_LINK_PREVIEWS: 'false' });
	await w.owner();
	owner = await w.login('owner', { reducedMotion: 'reduce' });
	ada = await w.person('ada', { reducedMotion: 'reduce' });
	bob = await w.person('bob', { reducedMotion: 'reduce' });
	forum = await api(ada, w.base, 'POST', '/rooms', { name: 'Questions', type: 'public', form: 'forum' });
	for (const p of [owner, bob]) await api(p, w.base, 'POST', `/rooms/${forum.id}/join`);
	for (const p of [ada, bob]) {
		await p.context.addInitScript({ path: axe });
		await p.page.goto(`${w.base}/r/${forum.id}`);
		await p.page.getByTestId('forum').waitFor();
	}
});
afterAll(() => w?.stop());

const threads = (p: Person) => p.page.getByRole('list', { name: 'Threads' });
const panel = (p: Person) => p.page.getByTestId('side-panel');

async function axeFinds(p: Person): Promise<string[]> {
	return p.page.evaluate(async () => {
		type Axe = { run: (c: unknown, o: unknown) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
		const found = await (window as unknown as { axe: Axe }).axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] });
		return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)}`));
	});
}

async function act(p: Person, what: string) {
	await panel(p).getByRole('button', { name: 'What to do with the thread' }).click();
	await p.page.getByRole('menuitem', { name: what }).click();
}

describe('a forum', () => {
	it('begins empty, and a thread is opened with its first message', async () => {
		await bob.page.getByText('No threads yet').waitFor();
		await bob.page.getByRole('button', { name: 'New thread' }).first().click();
		const dialog = bob.page.getByRole('dialog', { name: 'New thread' });
		await dialog.getByLabel('Name').fill('Where do we meet?');
		await dialog.getByLabel('First message').fill('At the **lake**?');
		await dialog.getByRole('button', { name: 'Open thread' }).click();
		await panel(bob).getByText('lake').waitFor();
		const row = threads(ada).getByRole('link', { name: /Where do we meet\?/ });
		await row.getByText('1 unread message').waitFor({ state: 'attached' });
		expect(await axeFinds(ada)).toEqual([]);
	});

	it('is read and answered, and others see it', async () => {
		await threads(ada).getByRole('link', { name: /Where do we meet\?/ }).click();
		await panel(ada).getByText('lake').waitFor();
		await until('it is read', async () => (await threads(ada).getByText('unread message').count()) === 0);
		await panel(ada).getByRole('textbox').fill('I am in');
		await ada.page.keyboard.press('Enter');
		await panel(bob).getByText('I am in').waitFor();
		await threads(bob).getByText('2 replies').waitFor();
		expect(await axeFinds(bob)).toEqual([]);
	});

	it('locks, archives, renames and deletes by right', async () => {
		await act(bob, 'Rename');
		const dialog = bob.page.getByRole('dialog', { name: 'Rename' });
		await dialog.getByLabel('Name').fill('At the lake');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await threads(ada).getByRole('link', { name: /At the lake/ }).waitFor();
		await panel(bob).getByRole('button', { name: 'What to do with the thread' }).click();
		expect(await bob.page.getByRole('menuitem', { name: 'Lock' }).count()).toBe(0);
		await bob.page.keyboard.press('Escape');
		await act(ada, 'Lock');
		await panel(bob).getByText('This thread is locked').waitFor();
		expect(await panel(bob).getByRole('textbox').count()).toBe(0);
		await act(ada, 'Unlock');
		await panel(bob).getByRole('textbox').waitFor();
		await act(bob, 'Archive');
		await bob.page.getByText('No threads yet').waitFor();
		await bob.page.getByRole('radio', { name: 'Archived' }).check({ force: true });
		await threads(bob).getByRole('link', { name: /At the lake/ }).waitFor();
		await act(bob, 'Delete thread');
		await bob.page.getByRole('alertdialog').getByRole('button', { name: 'Delete thread' }).click();
		await bob.page.getByText('Nothing is archived').waitFor();
		await panel(ada).waitFor({ state: 'detached' });
	});

	it('fits a phone', async () => {
		const th = await api(bob, w.base, 'POST', `/rooms/${forum.id}/threads`, { name: 'A rather long name of a thread that has to be cut somewhere on a phone' });
		await api(bob, w.base, 'POST', `/rooms/${forum.id}/messages`, { content: 'Hello', parent_id: th.id });
		await ada.page.setViewportSize({ width: 360, height: 700 });
		await ada.page.getByRole('link', { name: /A rather long name/ }).waitFor();
		const wide = await ada.page.evaluate(() => document.documentElement.scrollWidth);
		expect(wide).toBeLessThanOrEqual(360);
		if (process.env.PICTURES) {
			await ada.page.screenshot({ path: `${process.env.PICTURES}/forum-phone.png` });
			await ada.page.setViewportSize({ width: 1280, height: 800 });
			await ada.page.getByRole('link', { name: /A rather long name/ }).click();
			await panel(ada).getByText('Hello').waitFor();
			await ada.page.screenshot({ path: `${process.env.PICTURES}/forum.png` });
			await ada.page.emulateMedia({ colorScheme: 'dark' });
			await ada.page.reload();
			await panel(ada).getByText('Hello').waitFor();
			await ada.page.screenshot({ path: `${process.env.PICTURES}/forum-dark.png` });
		}
	});
});
