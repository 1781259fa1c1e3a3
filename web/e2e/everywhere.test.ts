// Story of the eighth point: what must hold on every screen, for everybody.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doors, screens, settled, type Place, type Screen } from './screens';
import { api, composer, focusIsSomewhere, message, openRoom, password, picture, say, until, uploads, World, write, type Json, type Person } from './world';

let w: World;
let owner: Person;
let ada: Person;
let place: Place;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

// All words of the people are German, so that English ones are the interface's.
beforeAll(async () => {
	w = await World.start({ PARLEY_LIMITS_REQUESTS_PER_MINUTE: '0', PARLEY_LINK_PREVIEWS: 'false' });
	await w.owner('inhaber');
	owner = await w.login('inhaber', { reducedMotion: 'reduce' });
	ada = await w.person('ada');
	await owner.context.addInitScript({ path: axe });
	const general = (await api(owner, w.base, 'GET', '/rooms')).rooms[0];
	await api(owner, w.base, 'PUT', `/rooms/${general.id}`, { name: 'Allgemeines', description: 'Für alle und alles.' });
	const room = await api(owner, w.base, 'POST', '/rooms', { name: 'Maschinen und andere Vorrichtungen', slug: 'maschinen', type: 'public', topic: 'Ventile', description: 'Alles, was sich dreht' });
	await api(ada, w.base, 'POST', `/rooms/${room.id}/join`);
	const direct = await api(ada, w.base, 'POST', '/rooms/direct', { user_id: owner.id });
	await write(w, ada, direct.id, 1, () => 'Hallo!');
	const files = await uploads(w, ada, { name: 'eins.png', mimeType: 'image/png', buffer: picture }, { name: 'zwei.png', mimeType: 'image/png', buffer: picture });
	const [thread] = await write(w, ada, room.id, 1, () => 'Ein Ventil klemmt, @inhaber: https://beispiel.de/ventil');
	await write(w, owner, room.id, 1, () => ({ content: 'Ich sehe es mir an', parent_id: thread!.id }));
	await write(w, ada, room.id, 1, () => 'Eine Liste:\n\n- [x] gezeichnet\n- [ ] gebaut\n\n| Teil | Preis |\n| --- | ---: |\n| Ventil | 12 |\n\n```js\nconst antwort = 42;\n```\n\n> Zitat\n\n||geheim|| und `Code`');
	const [pictures] = await write(w, ada, room.id, 1, () => ({ content: 'Zwei Bilder', attachments: files }));
	await write(w, ada, room.id, 1, () => 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverleihungsurkunde'.repeat(4));
	await write(w, ada, room.id, 1, () => 'شكراً جزيلاً على الصمام');
	const poll = { question: 'Welches Ventil?', options: [{ text: 'Das linke', emoji: '👈' }, { text: 'Das rechte, das seit Dienstag tropft' }], expires_at: new Date(Date.now() + 86_400_000).toISOString() };
	const [asked] = await write(w, owner, room.id, 1, () => ({ content: '', poll }));
	await api(ada, w.base, 'POST', `/messages/${asked!.id}/poll/votes`, { options: ['0'] });
	const embed = { title: 'Kessel', url: 'https://beispiel.de/kessel', description: 'Es ist **heiß**', color: 0xcc3300, fields: [{ name: 'Druck', value: '4,1 bar', inline: true }], image: { url: 'https://beispiel.de/kessel.png' }, footer: { text: 'Messung' } };
	await write(w, ada, room.id, 1, () => ({ content: '', embeds: [embed] }));
	await api(owner, w.base, 'POST', '/webhooks', { room_id: room.id, name: 'Fühler' });
	const [last] = await write(w, ada, room.id, 1, () => 'Zuletzt');
	await api(owner, w.base, 'PUT', `/messages/${thread!.id}/pin`);
	await api(owner, w.base, 'POST', `/messages/${last!.id}/reactions`, { emoji: '🎉' });
	await api(owner, w.base, 'POST', `/messages/${last!.id}/report`, { reason: 'Nur ein Versuch' });
	const invite: Json = await api(owner, w.base, 'POST', `/rooms/${room.id}/invites`, {});
	await api(owner, w.base, 'POST', '/admin/sanctions', { user_id: ada.id, kind: 'warning', reason: 'Nur ein Versuch' });
	place = { room: room.id, thread: thread!, pictures: pictures!, invite: invite.code, query: 'ventil' };
}, 300_000);
afterAll(() => w?.stop());

/** What axe finds in a theme; everything in the first, only what a theme can change in the others. */
async function violations(p: Person, theme: string, all: boolean): Promise<string[]> {
	return p.page.evaluate(
		async ({ theme, all }) => {
			document.documentElement.dataset.theme = theme;
			if (!document.adoptedStyleSheets.length) {
				const still = new CSSStyleSheet(); // colours that are on their way to others are not looked at
				still.replaceSync('*, *::before, *::after { transition: none !important; animation: none !important; }');
				document.adoptedStyleSheets = [still];
			}
			await new Promise(requestAnimationFrame);
			type Axe = { run: (c: unknown, o: unknown) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string; target: unknown }[] }[] }> };
			const found = await (window as unknown as { axe: Axe }).axe.run(document, {
				runOnly: all ? ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] : { type: 'rule', values: ['color-contrast'] },
				resultTypes: ['violations'],
			});
			// the glyphs of the picker are pictures, whatever colour their text would have
			const glyph = (id: string, target: unknown) => id === 'color-contrast' && JSON.stringify(target).includes('emoji-picker');
			return found.violations.flatMap((v) => v.nodes.filter((n) => !glyph(v.id, n.target)).map((n) => `${theme} ${v.id}: ${n.html.slice(0, 200)} ${n.failureSummary.split('\n').slice(1, 2).join(' ').trim()}`));
		},
		{ theme, all },
	);
}

/** What does not fit into the window: the page scrolls sideways, or a control lies outside. */
const outside = (p: Person): Promise<string[]> =>
	p.page.evaluate(() => {
		const found: string[] = [];
		const root = document.documentElement;
		if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide`);
		for (const e of document.querySelectorAll<HTMLElement>('a[href], button, input, textarea, select, h1, h2')) {
			const box = e.getBoundingClientRect();
			if (box.width < 4 || box.height < 4 || !e.checkVisibility({ visibilityProperty: true }) || e.closest('.skip-link')) continue;
			if (box.left >= -1 && box.right <= innerWidth + 1) continue;
			let scrolls = false;
			for (let a = e.parentElement; a; a = a.parentElement) {
				const { overflowX } = getComputedStyle(a);
				if ((overflowX === 'auto' || overflowX === 'scroll') && a.scrollWidth > a.clientWidth) scrolls = true;
			}
			if (!scrolls) found.push(`${Math.round(box.left)}–${Math.round(box.right)} ${e.outerHTML.slice(0, 120)}`);
		}
		return found;
	});

const sizes = [
	{ name: '320 px', width: 320, height: 640 },
	{ name: '200 %', width: 640, height: 400 },
	{ name: '2560 px', width: 2560, height: 1200 },
];

async function inspect(p: Person, list: Screen[]): Promise<string[]> {
	const found: string[] = [];
	for (const screen of list) {
		await p.page.setViewportSize({ width: 1280, height: 800 });
		await screen.open(p, w);
		await settled(p);
		for (const theme of ['light', 'dark', 'contrast']) found.push(...(await violations(p, theme, theme === 'light')).map((v) => `${screen.name}: ${v}`));
		for (const { name, ...size } of sizes) {
			await p.page.setViewportSize(size);
			await p.page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
			found.push(...(await outside(p)).map((o) => `${screen.name} at ${name}: ${o}`));
		}
	}
	return found;
}

describe('everywhere', () => {
	it('no screen has anything that axe finds, in three themes, and all fit into small and large windows', async () => {
		const all = screens(place);
		expect(await inspect(owner, all)).toEqual([]);
	}, 600_000);

	it('the same before anybody is logged in', async () => {
		const stranger = await w.stranger({ reducedMotion: 'reduce' });
		await stranger.context.addInitScript({ path: axe });
		expect(await inspect(stranger, doors(place))).toEqual([]);
		await w.leave(stranger);
	});

	it('from login to a sent reply with the keyboard alone', async () => {
		const p = await w.stranger();
		const keys = p.page.keyboard;
		await p.page.goto(`${w.base}/login`);
		await p.page.getByLabel('Username').waitFor();
		const tabTo = async (what: string, there: () => Promise<boolean>) => {
			for (let i = 0; i < 60; i++) {
				if (await there()) return;
				await keys.press('Tab');
			}
			throw new Error(`Tab does not reach ${what}`);
		};
		const focused = (fn: (e: Element) => boolean) => () => p.page.evaluate(`(${fn})(document.activeElement ?? document.body)`) as Promise<boolean>;
		await tabTo('the name', focused((e) => e.getAttribute('autocomplete')?.includes('username') ?? false));
		await keys.type('ada');
		await tabTo('the password', focused((e) => e.getAttribute('autocomplete') === 'current-password'));
		await keys.type(password);
		await keys.press('Enter');
		await composer(p).waitFor();
		await keys.press('Control+k');
		await p.page.getByRole('combobox').waitFor();
		await keys.type('Maschinen');
		await p.page.getByRole('option', { name: /Maschinen/ }).waitFor();
		await keys.press('Enter');
		await message(p, 'Zuletzt').waitFor();
		await until('one can write', focused((e) => e.matches('[data-composer]')));
		for (let i = 0; i < 8 && !(await focused((e) => e.closest('[role=log]') !== null)()); i++) await keys.press('Shift+Tab');
		await keys.press('ArrowUp');
		await until('a message has the focus', focused((e) => e.matches('[data-key]')));
		await keys.press('End');
		await until('the last message has the focus', focused((e) => e.textContent?.includes('Zuletzt') ?? false));
		for (let i = 0; i < 8 && !(await focused((e) => e.textContent?.includes('Zwei Bilder') ?? false)()); i++) await keys.press('ArrowUp');
		await keys.press('r');
		await until('one can write', focused((e) => e.matches('[data-composer]')));
		await keys.type('Schöne Bilder');
		await keys.press('Enter');
		await message(p, 'Schöne Bilder').getByRole('button', { name: 'In reply to Ada' }).waitFor();
		// dialogs, menus and panels give the focus back
		for (const open of ['Control+k', '?']) {
			if (open === '?') await p.page.locator('[data-id]').last().focus();
			await keys.press(open);
			await p.page.locator('dialog[open]').waitFor();
			await keys.press('Escape');
			await p.page.locator('dialog[open]').waitFor({ state: 'detached' });
			expect(await focusIsSomewhere(p), open).toBe(true);
		}
		await p.page.locator('[data-id]').last().focus();
		await keys.press('Enter');
		await p.page.getByRole('menu').waitFor();
		await keys.press('Escape');
		await p.page.getByRole('menu').waitFor({ state: 'detached' });
		expect(await focusIsSomewhere(p)).toBe(true);
		await keys.press('t');
		await p.page.getByTestId('side-panel').waitFor();
		await p.page.getByRole('button', { name: 'Close the thread' }).focus();
		await keys.press('Enter');
		await p.page.getByTestId('side-panel').waitFor({ state: 'detached' });
		await until('the focus is somewhere', () => focusIsSomewhere(p));
		await w.leave(p);
	});

	it('speaks German without an English word', async () => {
		const english = /\b(the|and|with|your|you|this|that|are|not|search|settings|send|cancel|delete|remove|members?|messages?|unread|people|rooms|close|open the|edit|reply|loading|today|yesterday|password|username|joined|notifications?|reports?|about|more|show|save|from|who|what)\b/i;
		const words = (p: Person) =>
			p.page.evaluate(() => {
				const all = [document.title, document.body.innerText];
				for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-description']) for (const e of document.querySelectorAll(`[${name}]`)) all.push(e.getAttribute(name)!);
				return all.flatMap((t) => t.split('\n')).map((t) => t.trim()).filter(Boolean);
			});
		const german = await w.login('inhaber', { locale: 'de-DE' });
		const found = new Set<string>();
		for (const screen of screens(place)) {
			if (screen.name === 'emoji-picker') continue; // loaded for its own language, and full of names
			await screen.open(german, w);
			await settled(german);
			for (const text of await words(german)) if (english.test(text) && !allowed.some((a) => a.test(text))) found.add(`${screen.name}: ${text.slice(0, 100)}`);
		}
		expect(await german.page.getAttribute('html', 'lang')).toBe('de');
		const stranger = await w.stranger({ locale: 'de-DE' });
		for (const screen of doors(place)) {
			await screen.open(stranger, w);
			for (const text of await words(stranger)) if (english.test(text)) found.add(`${screen.name}: ${text.slice(0, 100)}`);
		}
		expect([...found]).toEqual([]);
		await w.leave(german);
		await w.leave(stranger);
	}, 300_000);

	it('right-to-left names and messages stand on their side and leave their neighbours alone', async () => {
		const p = await w.person('layla');
		await api(p, w.base, 'PATCH', '/users/me', { display_name: 'ليلى' });
		await api(p, w.base, 'POST', `/rooms/${place.room}/join`);
		await openRoom(w, p, place.room);
		await say(p, 'مرحبا بالجميع (1)');
		const text = message(p, 'مرحبا').locator('.content');
		await text.waitFor();
		expect(await text.evaluate((e) => getComputedStyle(e.querySelector('p') ?? e).direction)).toBe('rtl');
		const row = message(p, 'مرحبا');
		const [name, time] = [(await row.locator('.name').boundingBox())!, (await row.locator('.who time').boundingBox())!];
		expect(time.x).toBeGreaterThan(name.x); // the row keeps its order
		await w.leave(p);
	});

	it('nothing moves for who wants less motion', async () => {
		await openRoom(w, owner, place.room);
		const moving = await owner.page.evaluate(() =>
			[...document.querySelectorAll('*')].filter((e) => {
				const s = getComputedStyle(e);
				return [s.transitionDuration, s.animationName === 'none' ? '0s' : s.animationDuration].some((d) => d.split(',').some((x) => parseFloat(x) > 0.011));
			}).length,
		);
		expect(moving).toBe(0);
	});

	it('no page complained', () => w.expectNoFaults());
});

/** What people or operators wrote, or what is a name of its own. */
const allowed = [/room\.delete/, /^user\./, /^message\./, /^room\./, /^[a-z_]+\.[a-z_.]+$/, /^manage_|^view_|^[a-z]+_[a-z_]+$/];
