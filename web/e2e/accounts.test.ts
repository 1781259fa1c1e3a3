// Story of the first point: setting up, registering, logging in and out, devices, profile, invitations.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, composer, message, openRoom, password, picture, say, until, World, type Person } from './world';

let w: World;
let owner: Person;

beforeAll(async () => {
	w = await World.start();
});
afterAll(() => w?.stop());

describe('accounts', () => {
	it('the setup link makes the owner, once', async () => {
		owner = await w.stranger();
		await owner.page.goto(w.setupLink());
		await owner.page.getByLabel('Username').fill('owner');
		await owner.page.getByLabel('Password', { exact: true }).fill('short');
		await owner.page.getByLabel('Password', { exact: true }).fill(password);
		await owner.page.getByRole('button', { name: 'Create the owner' }).click();
		await owner.page.getByRole('link', { name: 'general' }).first().waitFor();
		owner.name = 'owner';

		const late = await w.stranger();
		await late.page.goto(w.setupLink());
		await late.page.getByLabel('Username').fill('thief');
		await late.page.getByLabel('Password', { exact: true }).fill(password);
		await late.page.getByRole('button', { name: 'Create the owner' }).click();
		await late.page.getByRole('alert').or(late.page.getByText(/already|link/i)).first().waitFor();
	});

	it('a person registers, and is told what is wrong in place', async () => {
		const ada = await w.stranger();
		await ada.page.goto(w.base);
		await ada.page.getByRole('link', { name: 'Create account' }).click();
		await ada.page.getByLabel('Username').fill('owner');
		await ada.page.getByLabel('Password', { exact: true }).fill(password);
		await ada.page.getByRole('button', { name: 'Create account' }).click();
		await ada.page.getByText(/taken/i).first().waitFor();
		await ada.page.getByLabel('Username').fill('ada');
		await ada.page.getByLabel('Name shown to others').fill('Ada Lovelace');
		await ada.page.getByRole('button', { name: 'Create account' }).click();
		await composer(ada).waitFor();
		await say(ada, 'hello, I am new');
		await message(ada, 'hello, I am new').waitFor();
	});

	it('a wrong password is refused with words, the right one lets in, and logging out ends it', async () => {
		const ada = await w.stranger();
		await ada.page.goto(`${w.base}/login`);
		await ada.page.getByLabel('Username').fill('ada');
		await ada.page.getByLabel('Password', { exact: true }).fill('not this one');
		await ada.page.getByRole('button', { name: 'Log in' }).click();
		await ada.page.getByText(/username or the password|wrong|incorrect/i).first().waitFor();
		await ada.page.getByLabel('Password', { exact: true }).fill(password);
		await ada.page.keyboard.press('Enter');
		await composer(ada).waitFor();
		await ada.page.goto(`${w.base}/settings/account`);
		await ada.page.getByRole('button', { name: 'Log out' }).click();
		await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
		await ada.page.goto(`${w.base}/settings/profile`);
		await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
	});

	it('ending the login of another device ends it at once', async () => {
		const laptop = await w.login('ada');
		const phone = await w.login('ada');
		await openRoom(w, phone, '1');
		await laptop.page.goto(`${w.base}/settings/account`);
		const others = laptop.page.getByRole('button', { name: /^End: / });
		await others.first().waitFor();
		for (let n = await others.count(); n > 0; n--) {
			await others.first().click();
			await until('one fewer', async () => (await others.count()) < n);
		}
		await phone.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
		await phone.page.getByText('ended on another device').waitFor();
	});

	it('changing the password keeps this device and logs the others out', async () => {
		const laptop = await w.login('ada');
		const phone = await w.login('ada');
		await openRoom(w, phone, '1');
		await laptop.page.goto(`${w.base}/settings/account`);
		await laptop.page.getByLabel('Current password').fill('wrong');
		await laptop.page.getByLabel('New password').fill('another good password');
		await laptop.page.getByRole('button', { name: 'Change password' }).click();
		await laptop.page.getByText(/wrong|not right|incorrect/i).first().waitFor();
		await laptop.page.getByLabel('Current password').fill(password);
		await laptop.page.getByRole('button', { name: 'Change password' }).click();
		await laptop.page.getByText('The password was changed').first().waitFor();
		await phone.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
		// back to the old one for the stories that follow
		await laptop.page.getByLabel('Current password').fill('another good password');
		await laptop.page.getByLabel('New password').fill(password);
		await laptop.page.getByRole('button', { name: 'Change password' }).click();
		await until('the new password holds', async () => (await laptop.context.request.post(`${w.base}/api/auth/login`, { data: { username: 'ada', password } })).ok());
	});

	it('a profile with picture and status is seen by others', async () => {
		const ada = await w.login('ada');
		await ada.page.goto(`${w.base}/settings/profile`);
		const choosing = ada.page.waitForEvent('filechooser');
		await ada.page.getByRole('button', { name: 'Choose a picture' }).click();
		await (await choosing).setFiles({ name: 'me.png', mimeType: 'image/png', buffer: picture });
		await ada.page.getByRole('application').waitFor();
		await ada.page.keyboard.press('Tab');
		await ada.page.getByRole('button', { name: 'Use this picture' }).click();
		await ada.page.getByRole('group', { name: 'Profile picture' }).locator('img').waitFor();
		await ada.page.getByLabel('About you').fill('Counts things.');
		await ada.page.getByLabel('Status', { exact: true }).selectOption('busy');
		await ada.page.getByLabel('Status text').fill('deep in numbers');
		await ada.page.getByRole('button', { name: 'Save' }).click();
		await ada.page.getByText('Saved.').first().waitFor();

		await openRoom(w, owner, '1');
		await owner.page.getByRole('button', { name: 'Members' }).first().click();
		const row = owner.page.getByRole('button').filter({ hasText: 'Ada Lovelace' }).last();
		await owner.page.getByText('deep in numbers').first().waitFor();
		await row.click();
		await owner.page.getByText('Counts things.').waitFor();
		await owner.page.keyboard.press('Escape');
	});

	it('an invitation leads straight into the room, by registering or by logging in', async () => {
		const room = await api(owner, w.base, 'POST', '/rooms', { name: 'Secret garden', type: 'private' });
		const invite = await api(owner, w.base, 'POST', `/rooms/${room.id}/invites`, {});
		const bob = await w.stranger();
		await bob.page.goto(`${w.base}/invite/${invite.code}`);
		await bob.page.getByText('Secret garden').waitFor();
		await bob.page.getByLabel('Username').fill('bob');
		await bob.page.getByLabel('Password', { exact: true }).fill(password);
		await bob.page.getByRole('button', { name: 'Create account' }).click();
		await composer(bob).waitFor();
		expect(new URL(bob.page.url()).pathname).toBe(`/r/${room.id}`);

		const ada = await w.stranger();
		await ada.page.goto(`${w.base}/invite/${invite.code}`);
		await ada.page.getByRole('button', { name: 'Log in' }).click();
		await ada.page.getByLabel('Username').fill('ada');
		await ada.page.getByLabel('Password', { exact: true }).fill(password);
		await ada.page.getByRole('button', { name: 'Log in' }).first().click();
		await composer(ada).waitFor();
		expect(new URL(ada.page.url()).pathname).toBe(`/r/${room.id}`);

		const late = await w.stranger();
		await late.page.goto(`${w.base}/invite/NOTACODE99`);
		await late.page.getByRole('heading', { name: 'This invitation is not valid' }).waitFor();
	});

	it('appearance is kept with the account', async () => {
		const ada = await w.login('ada');
		await ada.page.goto(`${w.base}/settings/appearance`);
		await ada.page.getByLabel('Dark').check();
		await until('the page is dark', () => ada.page.evaluate(() => document.documentElement.dataset.theme === 'dark'));
		await until('the account knows', async () => (await api(ada, w.base, 'GET', '/auth/me')).settings?.web?.theme === 'dark');
		const phone = await w.login('ada');
		await openRoom(w, phone, '1');
		await until('the other device is dark', () => phone.page.evaluate(() => document.documentElement.dataset.theme === 'dark'));
	});

	it('no page complained', () => w.expectNoFaults());
});
