// Story of the fourth point: writing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, composer, message, openRoom, pdf, picture, say, until, World, type Json, type Person } from './world';

let w: World;
let ada: Person;
let bob: Person;
let room: Json;

beforeAll(async () => {
	w = await World.start();
	await w.owner();
	ada = await w.person('ada');
	bob = await w.person('bob');
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Engines', slug: 'engines', type: 'public' });
	await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
});
afterAll(() => w?.stop());

const suggestion = (p: Person, name: string | RegExp) => p.page.getByRole('listbox', { name: 'Suggestions' }).getByRole('option', { name });
const value = (p: Person) => composer(p).inputValue();
const own = (p: Person, content: string) => async () => (await api(p, w.base, 'GET', `/rooms/${room.id}/messages?limit=50`)).messages.some((x: Json) => x.content === content);

describe('the composer', () => {
	it('completes people, rooms, emoji and commands', async () => {
		await openRoom(w, ada, room.id);
		const field = composer(ada);
		await field.pressSequentially('hi @bo');
		await suggestion(ada, /Bob/).waitFor();
		await field.press('Tab');
		expect(await value(ada)).toBe('hi @bob ');
		await field.pressSequentially('see #eng');
		await suggestion(ada, /Engines/).waitFor();
		await field.press('Enter');
		expect(await value(ada)).toBe('hi @bob see #engines ');
		await field.pressSequentially(':tada');
		await suggestion(ada, /🎉/u).first().waitFor();
		await field.press('Tab');
		expect(await value(ada)).toMatch(/🎉/u);
		await field.press('Control+Enter');
		await message(ada, 'see').waitFor();
		await field.pressSequentially('/shr');
		await suggestion(ada, /shrug/).waitFor();
		await field.press('Escape');
		expect(await suggestion(ada, /shrug/).count()).toBe(0);
		await field.fill('/shrug whatever');
		await field.press('Enter');
		await message(ada, '¯\\_(ツ)_/¯').waitFor();
	});

	it('formats with shortcuts, continues lists and keeps the browser’s undo', async () => {
		const field = composer(ada);
		await field.fill('make this strong');
		await field.press('End');
		await field.press('Control+Shift+ArrowLeft');
		await field.press('Control+b');
		expect(await value(ada)).toBe('make this **strong**');
		await field.press('Control+z');
		expect(await value(ada)).toBe('make this strong');
		await field.fill('- one');
		await field.press('End');
		await field.press('Shift+Enter');
		await field.pressSequentially('two');
		expect(await value(ada)).toBe('- one\n- two');
		await field.press('Enter');
		await message(ada, 'two').locator('li').nth(1).waitFor();
		await ada.page.getByRole('button', { name: 'Formatting' }).click();
		await ada.page.getByRole('button', { name: 'Spoiler' }).waitFor();
		await ada.page.getByRole('button', { name: 'Formatting' }).click();
	});

	it('uploads what is chosen, dropped and pasted, with previews, and lets go of one', async () => {
		await openRoom(w, bob, room.id);
		const files = ada.page.getByRole('list', { name: 'Files for this message' });
		const choosing = ada.page.waitForEvent('filechooser');
		await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
		await ada.page.getByRole('menuitem', { name: 'Attach files' }).click();
		await (await choosing).setFiles([
			{ name: 'chosen.png', mimeType: 'image/png', buffer: picture },
			{ name: 'not wanted.pdf', mimeType: 'application/pdf', buffer: pdf },
		]);
		await files.locator('img').first().waitFor();
		await files.getByRole('button', { name: 'Remove not wanted.pdf' }).click();

		const data = await ada.page.evaluateHandle((base64) => {
			const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
			const transfer = new DataTransfer();
			transfer.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }));
			return transfer;
		}, picture.toString('base64'));
		const log = ada.page.getByRole('log').first();
		await log.dispatchEvent('dragenter', { dataTransfer: data });
		await log.dispatchEvent('dragover', { dataTransfer: data });
		await ada.page.getByText('Drop to add').waitFor();
		await log.dispatchEvent('drop', { dataTransfer: data });
		await files.getByText('dropped.png').waitFor();
		await composer(ada).evaluate((field, base64) => {
			const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
			const transfer = new DataTransfer();
			transfer.items.add(new File([bytes], 'pasted.png', { type: 'image/png' }));
			field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true }));
		}, picture.toString('base64'));
		await files.getByText('pasted.png').waitFor();
		await until('they have arrived', async () => (await files.getByRole('progressbar').count()) === 0);
		await say(ada, 'three pictures');
		await message(bob, 'three pictures').getByRole('button', { name: /^Open / }).nth(2).waitFor();
		await until('nothing is left', async () => (await files.count()) === 0);
	});

	it('shows how far a file is, and cancels it', async () => {
		let letGo: (() => void) | undefined;
		await ada.page.route('**/api/attachments/upload', async (route) => {
			await new Promise<void>((go) => (letGo = go));
			await route.continue().catch(() => {}); // it was cancelled
		});
		const choosing = ada.page.waitForEvent('filechooser');
		await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
		await ada.page.getByRole('menuitem', { name: 'Attach files' }).click();
		await (await choosing).setFiles({ name: 'slow.pdf', mimeType: 'application/pdf', buffer: pdf });
		await ada.page.getByRole('progressbar', { name: /Uploading slow\.pdf/ }).waitFor();
		await ada.page.getByRole('button', { name: 'Remove slow.pdf' }).click();
		await ada.page.getByText('slow.pdf').waitFor({ state: 'detached' });
		await until('it was asked for', () => letGo !== undefined);
		letGo!();
		await ada.page.unroute('**/api/attachments/upload');
	});

	it('keeps a draft for every room over a reload', async () => {
		await composer(ada).fill('not finished yet');
		await ada.page.locator('[data-room]').filter({ hasText: 'general' }).click();
		await until('the other room is empty', async () => (await value(ada)) === '');
		await ada.page.locator('[data-room]').filter({ hasText: 'Engines' }).getByRole('img', { name: 'Draft' }).waitFor();
		await ada.page.reload();
		await openRoom(w, ada, room.id);
		await until('the draft is back', async () => (await value(ada)) === 'not finished yet');
		await composer(ada).press('Enter');
		await until('it was sent', own(ada, 'not finished yet'));
		await ada.page.reload();
		await composer(ada).waitFor();
		expect(await value(ada)).toBe('');
	});

	it('counts characters near the limit and sends none too many', async () => {
		await composer(ada).fill('x'.repeat(9_990));
		await ada.page.getByText('10 characters left').waitFor();
		await composer(ada).fill('x'.repeat(10_001));
		await ada.page.getByText('1 character too many').waitFor();
		await composer(ada).press('Enter');
		expect((await value(ada)).length).toBe(10_001);
		await composer(ada).fill('');
	});

	it('explains slow mode and a mute in their place', async () => {
		await api(ada, w.base, 'PUT', `/rooms/${room.id}`, { slow_mode_seconds: 600 });
		await bob.page.getByText('Slow mode: one message every 10 min.').waitFor();
		await say(bob, 'my only one');
		const left = bob.page.getByText(/you can write again in 9 min \d+ sec/);
		const shown = await left.textContent();
		await until('it is counted down', async () => (await left.textContent()) !== shown);
		await bob.page.reload(); // the server knows it, too
		await left.waitFor();
		await composer(bob).fill('too early');
		expect(await bob.page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled')).toBe('true');
		await api(ada, w.base, 'PUT', `/rooms/${room.id}`, { slow_mode_seconds: 0 });
		await until('it goes again', async () => (await bob.page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled')) !== 'true');

		await api(ada, w.base, 'PUT', `/rooms/${room.id}/members/${bob.id}/mute`, {});
		await bob.page.getByText('You are muted here.').first().waitFor();
		expect(await composer(bob).count()).toBe(0);
		await api(ada, w.base, 'DELETE', `/rooms/${room.id}/members/${bob.id}/mute`);
		await composer(bob).waitFor();
	});

	it('explains a mute of the whole server in its place, with the time left, and opens when it is over', async () => {
		const owner = await w.login('owner');
		const end = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
		await composer(bob).fill('half a thought');
		await api(owner, w.base, 'POST', '/admin/sanctions', { user_id: bob.id, kind: 'mute', reason: 'Shouting', until: end(3600) });
		const told = bob.page.getByText(/You are muted on the whole server until .* \(\d+ min(?: \d+ sec)? left\)\. .* Reason: Shouting/);
		await told.waitFor();
		expect(await composer(bob).count()).toBe(0);
		await bob.page.reload();
		await told.waitFor();
		await api(owner, w.base, 'POST', '/admin/sanctions/lift', { user_id: bob.id, kind: 'mute' });
		await composer(bob).waitFor();
		expect(await composer(bob).inputValue()).toBe('half a thought');
		await api(owner, w.base, 'POST', '/admin/sanctions', { user_id: bob.id, kind: 'mute', until: end(3) });
		await bob.page.getByText(/You are muted on the whole server until/).waitFor();
		await composer(bob).waitFor();
		await composer(bob).fill('');
		await w.leave(owner);
	});

	it('no page complained', () => w.expectNoFaults());
});
