// Story of the third point: reading, and what can be done with a message.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, choose, composer, focusIsSomewhere, message, openRoom, pdf, picture, press, say, until, uploads, World, write, type Json, type Person } from './world';

let w: World;
let ada: Person;
let bob: Person;
let room: Json;

beforeAll(async () => {
	w = await World.start();
	ada = await w.person('ada');
	bob = await w.person('bob');
	room = await api(ada, w.base, 'POST', '/rooms', { name: 'Engines', type: 'public' });
	await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
});
afterAll(() => w?.stop());

const scroller = (p: Person) => p.page.getByTestId('timeline').first().getByRole('log');
const placed = (p: Person) => p.page.locator('[data-testid=timeline][data-placed=true]').first().waitFor();
/** Two frames: what was changed is on the screen. */
const frames = (p: Person, n = 2) =>
	p.page.evaluate(async (n) => {
		for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame);
	}, n);

describe('the timeline', () => {
	it('opens at the first unread message with a line before it', async () => {
		const sent = await write(w, bob, room.id, 120, (n) => `line ${n} of a long talk`);
		await api(ada, w.base, 'POST', `/rooms/${room.id}/read`, { seq: sent[59]!.seq });
		await openRoom(w, ada, room.id);
		await placed(ada);
		await ada.page.getByTestId('new-line').waitFor();
		const [line, next] = [await ada.page.getByTestId('new-line').boundingBox(), await message(ada, 'line 61 of').boundingBox()];
		const view = (await scroller(ada).boundingBox())!;
		expect(line!.y).toBeGreaterThan(view.y);
		expect(line!.y).toBeLessThan(view.y + view.height / 2);
		expect(next!.y).toBeGreaterThanOrEqual(line!.y);
		expect(await ada.page.getByTestId('jump-newest').textContent()).toContain('60 new messages');
		await ada.page.getByTestId('jump-newest').click();
		await message(ada, 'line 120 of').waitFor();
		await until('all is read', async () => (await api(ada, w.base, 'GET', `/rooms/${room.id}`)).me.unread_count === 0);
	});

	it('does not move what is read when older messages arrive above it, up to the first of 500', async () => {
		const long = await api(ada, w.base, 'POST', '/rooms', { name: 'Long', type: 'private' });
		const files = await uploads(w, ada, { name: 'a.png', mimeType: 'image/png', buffer: picture }, { name: 'b.png', mimeType: 'image/png', buffer: picture });
		await write(w, ada, long.id, 500, (n) =>
			n === 130 || n === 330
				? { content: `entry ${n} with a picture`, attachments: [files.pop()!] }
				: n % 7 === 0
					? `entry ${n}\n\n> quoted\n\n- one\n- two\n\n\`code\` and **more** ${'word '.repeat(n % 60)}`
					: `entry ${n} ${'word '.repeat(n % 40)}`,
		);
		// pages wait until the story lets them through
		let waiting: (() => void) | undefined;
		await ada.page.route(/\/messages\?.*before=/, async (route) => {
			await new Promise<void>((go) => (waiting = go));
			await route.continue();
		});
		await openRoom(w, ada, long.id);
		await placed(ada);
		const box = (await scroller(ada).boundingBox())!;
		await ada.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
		let pages = 0;
		for (;;) {
			await until('a page is asked for', async () => {
				if (waiting || (await ada.page.getByTestId('history-start').isVisible())) return true;
				await ada.page.mouse.wheel(0, -300);
				return false;
			});
			if (!waiting) break;
			// somewhere in the middle of what is shown, and at rest
			let rest = NaN;
			await until('it rests', async () => {
				await frames(ada, 3);
				const now = await scroller(ada).evaluate((e) => e.scrollTop);
				const same = now === rest;
				rest = now;
				return same;
			});
			const eye = await scroller(ada).evaluate((e) => {
				const middle = e.getBoundingClientRect().top + e.clientHeight / 2;
				const rows = [...e.querySelectorAll<HTMLElement>('[data-id]')];
				const row = rows.reduce((a, b) => (Math.abs(a.getBoundingClientRect().top - middle) < Math.abs(b.getBoundingClientRect().top - middle) ? a : b));
				return { id: row.dataset.id!, top: row.getBoundingClientRect().top, size: e.scrollHeight };
			});
			const go = waiting;
			waiting = undefined;
			go();
			await until('the page is there', () => scroller(ada).evaluate((e, size) => e.scrollHeight > size, eye.size));
			await frames(ada, 4);
			const top = await ada.page.locator(`[data-id="${eye.id}"]`).first().evaluate((e) => e.getBoundingClientRect().top);
			expect(top - eye.top, `page ${++pages}`).toBe(0);
		}
		expect(pages).toBe(9);
		await message(ada, /entry 1 /).first().waitFor();
		await ada.page.unroute(/\/messages\?.*before=/);
		await ada.page.getByTestId('jump-newest').click();
		await message(ada, 'entry 500').waitFor();

		// a permalink, followed from outside and from inside
		const all = await api(ada, w.base, 'GET', `/rooms/${long.id}/messages?limit=100`);
		const old = (await api(ada, w.base, 'GET', `/rooms/${long.id}/messages?limit=100&before=${all.messages[0].id}`)).messages[3];
		await openRoom(w, ada, long.id, `/m/${old.id}`);
		const row = ada.page.locator(`[data-id="${old.id}"]`);
		await row.waitFor();
		await until('it is in the middle', async () => {
			const place = await row.boundingBox();
			return !!place && place.y > box.y && place.y + place.height < box.y + box.height;
		});

		// a day
		await ada.page.getByRole('button', { name: 'Jump to a date' }).click();
		const today = await ada.page.evaluate(() => {
			const t = new Date();
			return `${t.getFullYear()}-${String(t.getMonth() + 1).padStart(2, '0')}-${String(t.getDate()).padStart(2, '0')}`;
		});
		await ada.page.getByLabel('Jump to a date').last().fill(today);
		await ada.page.getByRole('button', { name: 'Show', exact: true }).click();
		await ada.page.getByTestId('history-start').waitFor();
		await until('the first of the day is shown', async () => {
			const place = await ada.page.locator('[data-id]').filter({ hasText: /entry 1 / }).first().boundingBox();
			return !!place && place.y >= box.y && place.y < box.y + box.height;
		});
	});

	it('edits the last message with ↑ and deletes one after a question', async () => {
		await openRoom(w, ada, room.id);
		await openRoom(w, bob, room.id);
		await say(ada, 'helo everyone');
		await message(bob, 'helo everyone').waitFor();
		await composer(ada).press('ArrowUp');
		const box = ada.page.getByRole('textbox', { name: 'Edit message' });
		await box.fill('hello everyone');
		await box.press('Enter');
		await message(bob, 'hello everyone').getByText('(edited)').waitFor();
		await until('the focus is where one writes', () => composer(ada).evaluate((e) => e === document.activeElement));

		const row = message(ada, 'hello everyone');
		await choose(ada, row, /^Delete/);
		const ask = ada.page.getByRole('alertdialog');
		await ask.getByRole('button', { name: 'Cancel' }).click();
		await row.waitFor();
		expect(await focusIsSomewhere(ada)).toBe(true);
		await choose(ada, row, /^Delete/);
		await ask.getByRole('button', { name: 'Delete' }).click();
		await ask.waitFor({ state: 'detached' });
		await message(bob, 'This message was deleted').waitFor();
		await message(ada, 'This message was deleted').waitFor();
		await until('the focus is somewhere', () => focusIsSomewhere(ada));
	});

	it('replies, and goes to what is replied to', async () => {
		await say(bob, 'who has the blue manual?');
		await press(ada, message(ada, 'the blue manual'), 'Reply');
		await ada.page.getByText('Replying to Bob').waitFor();
		await say(ada, 'I have');
		await message(bob, 'I have').getByRole('button', { name: 'In reply to Bob' }).waitFor();
		await message(bob, 'I have').getByRole('button', { name: 'In reply to Bob' }).click();
		await message(bob, 'the blue manual').waitFor();
	});

	it('keeps a thread beside the room', async () => {
		await say(bob, 'let us talk about valves');
		await press(ada, message(ada, 'about valves'), 'Reply in a thread');
		const panel = ada.page.getByTestId('side-panel');
		await panel.getByRole('heading', { name: 'Thread' }).waitFor();
		await panel.locator('[data-composer]').fill('valves are fine');
		await panel.locator('[data-composer]').press('Enter');
		await panel.locator('[data-id]').filter({ hasText: 'valves are fine' }).waitFor();
		await bob.page.locator('[data-id]').filter({ hasText: 'about valves' }).getByTestId('thread-chip').click();
		const other = bob.page.getByTestId('side-panel');
		await other.locator('[data-id]').filter({ hasText: 'valves are fine' }).waitFor();
		await other.locator('[data-composer]').fill('very fine');
		await other.locator('[data-composer]').press('Enter');
		await panel.locator('[data-id]').filter({ hasText: 'very fine' }).waitFor();
		await ada.page.getByTestId('thread-chip').filter({ hasText: '2 replies' }).waitFor();
		expect(new URL(bob.page.url()).searchParams.get('thread')).not.toBeNull();
		await panel.getByRole('button', { name: 'Close the thread' }).click();
		await panel.waitFor({ state: 'detached' });
		await until('the focus is somewhere', () => focusIsSomewhere(ada));
		await other.getByRole('button', { name: 'Close the thread' }).click();
	});

	it('reacts through the picker, and takes it back', async () => {
		await say(bob, 'we have finished!');
		await press(ada, message(ada, 'we have finished'), 'React');
		const picker = ada.page.locator('emoji-picker');
		await picker.locator('input').fill('party popper');
		await picker.getByRole('option', { name: /party popper|🎉/ }).first().click();
		const reaction = message(bob, 'we have finished').getByRole('button', { name: '🎉, 1' });
		await reaction.waitFor();
		await until('the focus is somewhere', () => focusIsSomewhere(ada));
		await reaction.click();
		await message(ada, 'we have finished').getByRole('button', { name: '🎉, 2' }).click();
		await message(bob, 'we have finished').getByRole('button', { name: '🎉, 1' }).waitFor();
	});

	it('pins for everybody, and finds the place again', async () => {
		await say(bob, 'rule one: no open flames');
		await choose(ada, message(ada, 'rule one'), 'Pin');
		await bob.page.getByRole('button', { name: 'Pinned messages' }).click();
		const pin = bob.page.getByTestId('pin').filter({ hasText: 'no open flames' });
		await pin.waitFor();
		await pin.getByRole('button', { name: 'Show in the room' }).click();
		await message(bob, 'rule one').waitFor();
		await choose(ada, message(ada, 'rule one'), 'Unpin');
		await pin.waitFor({ state: 'detached' });
		await bob.page.getByText('Nothing is pinned here').waitFor();
		await bob.page.getByRole('button', { name: 'Close the pinned messages' }).click();
	});

	it('says who has read a message, and reports one', async () => {
		await say(ada, 'please read this');
		await message(bob, 'please read this').waitFor();
		await until('Bob has read it', async () => {
			await choose(ada, message(ada, 'please read this'), 'Read by …');
			const dialog = ada.page.getByRole('dialog', { name: 'Read by' });
			await dialog.locator('li, p').first().waitFor();
			const found = await dialog.getByText('Bob').count();
			await ada.page.keyboard.press('Escape');
			await dialog.waitFor({ state: 'detached' });
			return found > 0;
		});
		await choose(bob, message(bob, 'please read this'), 'Report');
		await bob.page.getByLabel('What is wrong with it?').fill('just a try');
		await bob.page.getByRole('button', { name: 'Report', exact: true }).click();
		await bob.page.getByText('Thank you. The moderators').first().waitFor();
	});

	it('copies a link that leads to the message', async () => {
		await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
		await choose(ada, message(ada, 'please read this'), 'Copy link');
		await ada.page.getByText('Link copied').first().waitFor();
		const link = await ada.page.evaluate(() => navigator.clipboard.readText());
		expect(link).toMatch(new RegExp(`^${w.base}/r/[^/]+/m/\\d+$`));
	});

	it('shows in direct rooms what was delivered and what was read', async () => {
		const direct = await api(ada, w.base, 'POST', '/rooms/direct', { user_id: bob.id });
		await openRoom(w, ada, direct.id);
		await say(ada, 'only for you');
		await message(ada, 'only for you').locator('[data-testid=delivery][data-state=delivered]').waitFor();
		await openRoom(w, bob, direct.id);
		await message(ada, 'only for you').locator('[data-testid=delivery][data-state=read]').waitFor();
		await composer(bob).pressSequentially('wait');
		await ada.page.getByText('Bob is typing').waitFor();
		await composer(bob).fill('');
		await until('Bob stopped', async () => (await ada.page.getByText('Bob is typing').count()) === 0);
	});

	it('renders code, spoilers, tables, tasks, mentions, and large emoji', async () => {
		await openRoom(w, ada, room.id);
		await openRoom(w, bob, room.id);
		await write(w, bob, room.id, 1, () => '```js\nconst answer = 42; // sure\n```');
		await ada.page.locator('[data-id] .hljs-keyword').filter({ hasText: 'const' }).last().waitFor();
		await write(w, bob, room.id, 1, () => 'the murderer is ||the gardener||');
		const spoiler = message(ada, 'the murderer is').locator('[data-spoiler]');
		expect(await spoiler.getAttribute('data-spoiler')).toBe('hidden');
		await spoiler.click();
		expect(await spoiler.getAttribute('data-spoiler')).toBe('shown');
		await write(w, bob, room.id, 1, () => '| part | price |\n| --- | ---: |\n| valve | 12 |');
		await ada.page.getByRole('cell', { name: 'valve' }).waitFor();
		await write(w, bob, room.id, 1, () => '- [x] drawn\n- [ ] built');
		await message(ada, 'drawn').waitFor();
		await write(w, bob, room.id, 1, () => `ask @ada about it`);
		await message(ada, 'ask').locator('[data-user]').filter({ hasText: 'Ada' }).click();
		await ada.page.getByRole('dialog', { name: 'Show profile' }).getByText('@ada').waitFor();
		await ada.page.keyboard.press('Escape');
		await until('the focus is somewhere', () => focusIsSomewhere(ada));
		await write(w, bob, room.id, 1, () => '🚂🚃');
		await ada.page.locator('.content.big').last().waitFor();
	});

	it('shows pictures in a viewer that the keyboard moves through', async () => {
		const files = await uploads(w, bob, ...['first', 'second'].map((name) => ({ name: `${name}.png`, mimeType: 'image/png', buffer: picture })));
		await write(w, bob, room.id, 1, () => ({ content: 'two pictures', attachments: files }));
		const open = message(ada, 'two pictures').getByRole('button', { name: 'Open first.png' });
		await open.click();
		const viewer = ada.page.getByRole('dialog', { name: 'Picture viewer' });
		await viewer.getByText('first.png').waitFor();
		await ada.page.keyboard.press('ArrowRight');
		await viewer.getByText('second.png').waitFor();
		await ada.page.keyboard.press('+');
		await until('it is larger', async () => (await viewer.locator('.stage.near').count()) === 1);
		await ada.page.keyboard.press('Escape');
		await viewer.waitFor({ state: 'detached' });
		await until('the focus is back', () => open.evaluate((e) => e === document.activeElement));
	});

	it('offers files with their type and size', async () => {
		const [file] = await uploads(w, bob, { name: 'notes.pdf', mimeType: 'application/pdf', buffer: Buffer.concat([pdf, Buffer.from(' '.repeat(2048))]) });
		await write(w, bob, room.id, 1, () => ({ content: 'my notes', attachments: [file!] }));
		await message(ada, 'my notes').getByText('notes.pdf').first().waitFor();
		await message(ada, 'my notes').getByText(/2(\.\d)? (kB|KiB)/).first().waitFor();
	});

	it('no page complained', () => w.expectNoFaults());
});
