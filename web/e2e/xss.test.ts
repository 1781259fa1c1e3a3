// Shows every payload in the real page, on a real server, under its real policy: as a message, as the name of who wrote it, as
// the name of a file, in a link preview, as the name and topic of the room, as a hit of a search and as a notification.
// Messages are sent through the server; what it refuses in names and makes itself of addresses is put into its answers on
// their way to the page, so that the page alone is what keeps them inert.
import type { BrowserContext, Page, Route, WebSocketRoute } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { api, until, World, write, type Json, type Person } from './world';
import { allPayloads } from './xss-payloads';

vi.setConfig({ testTimeout: 600_000 }); // hundreds of texts, one after the other

let w: World;
let owner: Person;
let page: Page;
let context: BrowserContext;
let socket: WebSocketRoute | undefined;
let room: Json;

/** What happened that must not. */
const faults: string[] = [];
/** The payload of each message by its id. */
const byMessage = new Map<string, number>();

beforeAll(async () => {
	w = await World.start();
	await w.owner();
	owner = await w.login('owner', { viewport: { width: 1280, height: 1600 }, serviceWorkers: 'block' });
	({ page, context } = owner);
	room = (await api(owner, w.base, 'GET', '/rooms')).rooms[0];
	await watch();
});
afterAll(() => w?.stop());

/** Tells of everything that must not happen in the page, and changes what the server says on its way there. */
async function watch() {
	page.on('dialog', (dialog) => {
		faults.push(`dialog ${dialog.message()}`);
		void dialog.dismiss();
	});
	page.on('popup', (popup) => faults.push(`window ${popup.url()}`));
	page.on('download', (download) => faults.push(`download ${download.url()}`));
	page.on('pageerror', (err) => faults.push(`error ${err.stack ?? err}`));
	page.on('framenavigated', (frame) => frame !== page.mainFrame() && faults.push(`frame ${frame.url()}`));
	page.on('console', (message) => /Content.Security.Policy|Refused to/i.test(message.text()) && faults.push(`policy ${message.text()}`));
	context.on('request', (request) => !new RegExp(`^(?:${w.base}/|blob:${w.base}/)`).test(request.url()) && faults.push(`request ${request.url()}`));
	await page.addInitScript(() => {
		const own = window as unknown as { __violations: string[]; __seen: Set<string> };
		own.__violations = [];
		document.addEventListener('securitypolicyviolation', (e) => own.__violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
		// Rows come and go with the scroll position: remembers which messages were in the page.
		own.__seen = new Set();
		const look = (root: ParentNode) => root.querySelectorAll<HTMLElement>('[data-id]').forEach((row) => own.__seen.add(row.dataset.id!));
		new MutationObserver(() => look(document)).observe(document, { childList: true, subtree: true });
	});
	await page.routeWebSocket(/\/api\/ws/, (ws) => {
		socket = ws;
		const upstream = ws.connectToServer();
		upstream.onMessage((text) => {
			const frame = JSON.parse(String(text));
			if (frame.message?.id) poison(frame.message);
			for (const message of frame.messages ?? []) poison(message);
			ws.send(JSON.stringify(frame));
		});
	});
	await page.route(/\/api\/rooms\/\d+\/messages/, async (route: Route) => {
		if (route.request().method() !== 'GET') return route.fallback();
		const response = await route.fetch();
		const answer = await response.json().catch(() => null);
		for (const message of answer?.messages ?? []) poison(message);
		await route.fulfill({ response, json: answer });
	});
	await page.route(/\/api\/(?:files|attachments|previews)\/nothing/, (route) => route.fulfill({ status: 404, json: {} }));
}

/** Puts a payload into every text of a message that another person or another server chose. */
function poison(message: Json) {
	const index = byMessage.get(message.id);
	if (index === undefined) return;
	const payload = allPayloads[index]!;
	message.content = payload;
	message.sender = { ...message.sender, id: `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`, display_name: payload, username: `user_${index}` };
	message.attachments = [fileNamed(payload, index)];
	message.links = [
		{ url: 'https://example.org/', title: payload, description: payload, image: payload, image_width: 400, image_height: 200 },
		{ url: payload, title: payload, description: payload, image: null, image_width: null, image_height: null },
	];
}

function fileNamed(name: string, index: number): Json {
	const kinds = ['image/png', 'video/mp4', 'audio/mpeg', 'application/octet-stream', 'text/plain', 'text/html', 'image/svg+xml'];
	return {
		id: `00000000-0000-7000-9000-${String(index).padStart(12, '0')}`, filename: name, size: 1, mime_type: kinds[index % kinds.length], width: 40, height: 20,
		url: `/api/files/nothing-${index}`, thumbnail_url: null, created_at: '2026-03-01T10:15:00.000Z', scan: 'clean',
	};
}

/** Lets the page draw, then collects what is wrong with it. */
async function faultsNow(): Promise<string[]> {
	const found = await page.evaluate(async () => {
		await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
		const own = window as unknown as { __xss?: unknown; __violations: string[] };
		const out = own.__violations.splice(0).map((v) => `policy ${v}`);
		if (own.__xss !== undefined) out.push('window.__xss is set');
		for (const element of document.querySelectorAll('*')) {
			const name = element.localName;
			if (['iframe', 'frame', 'object', 'embed', 'base', 'style', 'portal', 'math', 'foreignobject', 'template', 'marquee'].includes(name)) out.push(`<${name}>`);
			if (name === 'script' && !(element as HTMLScriptElement).src.startsWith(location.origin)) out.push('<script>');
			for (const attribute of element.attributes) {
				if (attribute.name.startsWith('on')) out.push(`${name} ${attribute.name}=`);
				if (['href', 'src', 'action', 'formaction', 'poster', 'srcset', 'xlink:href', 'data'].includes(attribute.name) && /^[\s\0-\x20]*(?:javascript|data|vbscript):/i.test(attribute.value)) {
					out.push(`${name} ${attribute.name}=${attribute.value}`);
				}
			}
		}
		return out;
	});
	return [...faults.splice(0), ...found];
}

describe('in the real page', () => {
	it('every payload is inert as a message, a name, a file, a preview, a room and a notification', async () => {
		await page.goto(`${w.base}/r/${room.id}`);
		await page.getByTestId('timeline').waitFor();
		await until('the socket is there', () => socket !== undefined);
		// What is in the messages comes from poison: not every payload is a text that the server takes.
		const sent = (await write(w, owner, room.id, allPayloads.length, (n) => `payload ${n}`)).map((message) => message.id as string);
		sent.forEach((id, index) => byMessage.set(id, index));
		// Every message is opened once: a row is in the page only while it is near.
		await page.reload();
		await page.getByTestId('timeline').waitFor();
		await page.locator(`[data-id="${sent.at(-1)}"]`).waitFor();
		expect(await faultsNow()).toEqual([]);
		for (const [index, id] of sent.entries()) {
			await page.evaluate((path) => {
				history.pushState({}, '', path);
				dispatchEvent(new PopStateEvent('popstate'));
			}, `/r/${room.id}/m/${id}`);
			await page.locator(`[data-id="${id}"]`).first().waitFor({ timeout: 30_000 });
			const payload = allPayloads[index]!;
			socket!.send(JSON.stringify({ type: 'room_updated', room: { ...room, name: payload, topic: payload, description: payload } }));
			socket!.send(JSON.stringify({ type: 'notification', notification: notice(payload, index) }));
			expect(await faultsNow(), payload).toEqual([]);
			// It is there, and text.
			const row = page.locator(`[data-id="${id}"]`).first();
			expect(await page.locator('main h1').textContent()).toContain(payload);
			expect(await row.locator('.who .name').textContent()).toBe(payload);
			expect(await row.locator('.preview a').first().textContent()).toBe(payload);
			expect(await row.locator('.preview p').first().textContent()).toBe(payload);
		}
		const seen = await page.evaluate(() => [...(window as unknown as { __seen: Set<string> }).__seen]);
		expect(sent.filter((id) => !seen.includes(id))).toEqual([]);
	});

	it('the texts are shown as they were typed', async () => {
		const payload = '<img src=x onerror=window.__xss=1>';
		const id = [...byMessage].find(([, index]) => allPayloads[index] === payload)![0];
		await page.goto(`${w.base}/r/${room.id}/m/${id}`);
		const row = page.locator(`[data-id="${id}"]`).first();
		await row.waitFor();
		expect(await row.locator('.message-text').innerText()).toContain(payload);
		expect(await row.locator('.who .name').innerText()).toContain(payload);
		expect(await faultsNow()).toEqual([]);
	});

	it('every payload is inert as a hit of a search', async () => {
		const size = 40;
		for (let from = 0; from < allPayloads.length; from += size) {
			const some = allPayloads.slice(from, from + size);
			await page.unroute(/\/api\/search/);
			await page.route(/\/api\/search/, (route) => route.fulfill({ json: { hits: some.map((payload, i) => hit(payload, from + i)), next_cursor: null, total_estimate: some.length } }));
			await page.goto(`${w.base}/search?q=payload`);
			await until('the hits are there', async () => (await page.locator('li.hit').count()) === some.length);
			expect(await page.locator('li.hit mark').count()).toBeGreaterThan(0);
			expect(await faultsNow(), `hits ${from} to ${from + size}`).toEqual([]);
		}
	});

	it('every payload is inert in the list of notifications', async () => {
		await page.route(/\/api\/notifications\?/, (route) => route.fulfill({ json: { notifications: allPayloads.map(notice), next_cursor: null, unread: allPayloads.length } }));
		await page.goto(`${w.base}/notifications`);
		await page.locator('main').getByText('msgbox').first().waitFor();
		expect(await faultsNow()).toEqual([]);
	});

	it('what must not happen is seen when it does', async () => {
		await page.evaluate(() => {
			const image = document.createElement('img');
			image.setAttribute('onerror', 'window.__xss=1');
			image.src = 'https://xss.invalid/x.png';
			document.body.append(image);
		});
		const found = (await faultsNow()).join('\n');
		expect(found).toMatch(/img onerror=/);
		expect(found).toMatch(/policy .*(?:img-src|script-src)/);
	});
});

function person(payload: string, index: number): Json {
	return { id: `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`, username: `user_${index}`, display_name: payload, avatar_url: null, bot: false, rank: 'member' };
}

function notice(payload: string, index: number): Json {
	const types = ['mention', 'reply', 'room_invite', 'direct_message', 'system'];
	return {
		id: String(1000 + index), type: types[index % types.length], title: payload, content: payload, actor: person(payload, index), room_id: room.id, message_id: null,
		invite_code: null, severity: 'info', created_at: '2026-03-01T10:15:00.000Z', read_at: null, expires_at: null,
	};
}

function hit(payload: string, index: number): Json {
	const message = (id: number): Json => ({
		id: String(id), room_id: room.id, seq: id, change_seq: id, type: 'text', sender: person(payload, index), content: payload, parent_id: null, thread: null,
		created_at: '2026-03-01T10:15:00.000Z', edited_at: null, deleted: false, pinned: false, mentions: [], reactions: [], attachments: [fileNamed(payload, index)], links: [],
	});
	const at = 100_000 + 10 * index;
	return {
		message: message(at), previous: message(at + 1), next: message(at + 2), room: { ...room, name: payload, topic: payload, description: payload },
		highlights: [{ start: 0, end: 4 }, { start: 2, end: 12 }, { start: payload.length - 1, end: payload.length }],
	};
}
