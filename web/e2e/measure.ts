// Measures the interface in a slowed Chromium and with much to show, and writes the table into docs/benchmarks.md. Nothing is asserted
// about times. Run by make bench-ui; FILL is how many messages the largest room has, REPORT=no leaves the table alone.
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { afterAll, afterEach, beforeAll, it } from 'vitest';
import { api, composer, openRoom, until, World, type Json, type Person } from './world';

const fill = Number(process.env.FILL ?? 100_000);
const report = resolve(import.meta.dirname, '../../docs/benchmarks.md');
const [begin, end] = ['<!-- measured by make bench-ui -->', '<!-- end of what make bench-ui measured -->'];

let w: World;
let ada: Person;
let bob: Person;
let rooms: Record<'empty' | 'long' | 'large', Json>;
const rows: [string, string, string][] = [];

const texts = [
	(i: number) => `Message ${i}: a short one`,
	(i: number) => `**Bold** ${i} and _italic_ with \`code\` and a [link](https://example.org/${i}), long enough to be wrapped on most screens`,
	(i: number) => `List ${i}:\n- one\n- two\n- three`,
	(i: number) => `\`\`\`js\nconst x = ${i};\n\`\`\``,
	(i: number) => `> quoted ${i}\n\nand an answer`,
	(i: number) => `Lorem ipsum ${i} `.repeat(1 + (i % 12)),
];

/** Fills a room over a few sockets at once. */
async function pour(room: string, count: number) {
	for (let from = 0; from < count; from += 5000) {
		const contents = Array.from({ length: Math.min(5000, count - from) }, (_, i) => texts[(from + i) % texts.length]!(from + i));
		for (const p of [ada, bob]) {
			const half = contents.filter((_, i) => (i % 2 === 0) === (p === ada));
			await p.page.evaluate(
				([room, half]) =>
					new Promise<void>((done, fail) => {
						const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/ws`);
						let next = 0;
						let answered = 0;
						const send = () => next < half.length && socket.send(JSON.stringify({ type: 'send_message', room_id: room, content: half[next], ref: String(next++) }));
						socket.onmessage = ({ data }) => {
							const frame = JSON.parse(data) as { type: string; ref?: string };
							if (frame.type === 'ready') for (let i = 0; i < 200; i++) send();
							else if (frame.type === 'error') fail(new Error(data));
							else if (frame.ref) {
								send();
								if (++answered === half.length) (socket.close(), done());
							}
						};
						socket.onerror = () => fail(new Error('socket'));
					}),
				[room, half] as const,
			);
		}
	}
}

beforeAll(async () => {
	w = await World.start({ PARLEY_LIMITS_REQUESTS_PER_MINUTE: '0' });
	ada = await w.person('ada', { serviceWorkers: 'block' });
	bob = await w.person('bob', { serviceWorkers: 'block' });
	const made = async (name: string) => {
		const room = await api(ada, w.base, 'POST', '/rooms', { name, type: 'public' });
		await api(bob, w.base, 'POST', `/rooms/${room.id}/join`);
		return room;
	};
	rooms = { empty: await made('Empty'), long: await made('Long'), large: await made('Large') };
	// a page of the server that may open sockets, without the interface, which would follow everything
	for (const p of [ada, bob]) {
		await p.page.route('**/*.js', (route) => route.abort());
		await p.page.goto(w.base);
	}
	await pour(rooms.long.id, 5_000);
	await pour(rooms.large.id, fill);
	await w.leave(ada);
	await w.leave(bob);
	[ada, bob] = [await w.login('ada'), await w.login('bob')];
	for (const room of Object.values(rooms)) await api(ada, w.base, 'POST', `/rooms/${room.id}/read`, { seq: (await api(ada, w.base, 'GET', `/rooms/${room.id}`)).last_seq });
});
afterAll(() => w?.stop());

const ms = (n: number) => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`;
const middle = (all: number[]) => [...all].sort((a, b) => a - b)[all.length >> 1]!;
const row = (what: string, figure: string, beside = '') => rows.push([what, figure, beside]);

/** How long the page's thread was busy at a time: processor time, so that other work on the machine does not count. */
async function tasks(devtools: CDPSession, run: () => Promise<unknown>): Promise<string> {
	type Event = { name: string; ph: string; pid: number; tid: number; dur?: number; tdur?: number; args?: { name?: string } };
	const events: Event[] = [];
	const gather = (part: { value: object[] }) => void events.push(...(part.value as Event[]));
	devtools.on('Tracing.dataCollected', gather);
	await devtools.send('Tracing.start', { transferMode: 'ReportEvents', categories: 'toplevel' } as never);
	await run();
	const complete = new Promise<void>((done) => devtools.once('Tracing.tracingComplete', () => done()));
	await devtools.send('Tracing.end');
	await complete;
	devtools.off('Tracing.dataCollected', gather);
	const main = new Set(events.filter((e) => e.name === 'thread_name' && e.args?.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`));
	const times = events.filter((e) => e.ph === 'X' && e.name.endsWith('RunTask') && main.has(`${e.pid} ${e.tid}`)).map((e) => (e.tdur ?? e.dur ?? 0) / 1000);
	return `${ms(Math.max(0, ...times))}; ${times.filter((t) => t > 16).length} over 16 ms`;
}

it('measures the first visit over a slow line', async () => {
	const p = await w.login('ada');
	const devtools = await p.context.newCDPSession(p.page);
	await devtools.send('Network.enable');
	await devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 });
	await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
	let js = 0;
	const urls = new Map<string, string>();
	devtools.on('Network.responseReceived', ({ requestId, response }) => void urls.set(requestId, response.url));
	devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => void (new URL(urls.get(requestId) ?? w.base).pathname.endsWith('.js') && (js += encodedDataLength)));
	await p.page.addInitScript(() => {
		const seen = { paint: 0, largest: 0, shift: 0, blocked: 0, placed: 0 };
		Object.assign(window, { seen });
		new PerformanceObserver((l) => l.getEntries().forEach((e) => e.name === 'first-contentful-paint' && (seen.paint = e.startTime))).observe({ type: 'paint', buffered: true });
		new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.largest = e.startTime))).observe({ type: 'largest-contentful-paint', buffered: true });
		new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.shift += (e as unknown as { value: number }).value))).observe({ type: 'layout-shift', buffered: true });
		new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.blocked += Math.max(0, e.duration - 50)))).observe({ type: 'longtask', buffered: true });
		new MutationObserver(() => {
			if (!seen.placed && document.querySelector('[data-placed=true]')) seen.placed = performance.now();
		}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-placed'] });
	});
	for (const visit of ['first', 'second'] as const) {
		await openRoom(w, p, rooms.long.id);
		await p.page.locator('[data-placed=true]').waitFor({ timeout: 120_000 });
		await p.page.waitForLoadState('networkidle');
		if (visit === 'first') await p.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
		const seen = await p.page.evaluate(() => (window as unknown as { seen: Record<'paint' | 'largest' | 'shift' | 'blocked' | 'placed', number> }).seen);
		row(
			`${visit} visit, 1.6 Mbit/s, 150 ms, CPU ÷ 4: messages are there after`,
			ms(seen.placed),
			`first paint ${ms(seen.paint)}, largest ${ms(seen.largest)}, blocked ${ms(seen.blocked)}, layout shift ${seen.shift.toFixed(3)}`,
		);
		if (visit === 'first') row('JavaScript of the first visit, compressed', `${(js / 1000).toFixed(1)} kB`, 'budget 150 kB');
	}
	await w.leave(p);
});

it('measures opening rooms', async () => {
	const p = await w.login('ada');
	await openRoom(w, p, rooms.long.id);
	const open = async (room: Json, away: Json) => {
		const times: number[] = [];
		for (let i = 0; i < 7; i++) {
			await p.page.goto(`${w.base}/r/${away.id}`); // anew: what was loaded is forgotten
			await p.page.locator('[data-placed=true]').waitFor();
			times.push(
				await p.page.evaluate(async (id) => {
					const began = performance.now();
					document.querySelector<HTMLElement>(`[data-room="${id}"]`)!.click();
					for (;;) {
						await new Promise(requestAnimationFrame);
						if (location.pathname === `/r/${id}` && document.querySelector('[data-placed=true]')) return performance.now() - began;
					}
				}, room.id),
			);
		}
		return middle(times);
	};
	row(`opening a room of ${fill.toLocaleString('en')} messages, from the press to the messages on the screen`, ms(await open(rooms.large, rooms.long)), `an empty room: ${ms(await open(rooms.empty, rooms.long))}`);
	await w.leave(p);
});

it('measures a room with 5,000 loaded messages', async () => {
	const p = await w.login('ada');
	const devtools = await p.context.newCDPSession(p.page);
	await openRoom(w, p, rooms.long.id);
	await p.page.locator('[data-placed=true]').waitFor();
	// pages come late enough for the rows before them to be looked at
	await p.page.route(/\/messages\?.*before=/, async (route) => {
		await new Promise((done) => setTimeout(done, 150));
		await route.continue();
	});
	// the list stays at its end until a person leaves it: what a script sets is no person
	await p.page.getByTestId('timeline').hover();
	await p.page.mouse.wheel(0, -300);
	let drift = { loads: 0, worst: 0, done: false };
	while (!drift.done) {
		drift = await p.page.evaluate(async ({ loads, worst }) => {
			const list = document.querySelector('[data-testid=timeline] [role=log]')!;
			const frame = () => new Promise(requestAnimationFrame);
			let top = 900;
			const done = () => !!document.querySelector('[data-testid=history-start]');
			for (const until = performance.now() + 20_000; !done() && performance.now() < until; ) {
				list.scrollTop = Math.min(list.scrollTop, top);
				for (let i = 0; i < 3; i++) await frame();
				const height = list.scrollHeight;
				const edge = list.getBoundingClientRect().top;
				const row = [...list.querySelectorAll<HTMLElement>('[data-key]')].find((e) => e.getBoundingClientRect().top > edge + 50)!;
				const before = row.getBoundingClientRect().top;
				let after = 0;
				for (const end = performance.now() + 1500; performance.now() < end && after < 12; ) {
					await frame();
					const now = list.querySelector(`[data-key="${row.dataset.key}"]`)?.getBoundingClientRect().top ?? Infinity;
					if (top) worst = Math.max(worst, Math.abs(now - before));
					if (list.scrollHeight !== height) after++;
				}
				if (after > 0) loads++;
				top = after > 0 ? 900 : 0; // the row of the beginning is made only when it comes into sight
			}
			return { loads, worst, done: done() };
		}, drift);
	}
	await p.page.unroute(/\/messages\?.*before=/);
	row('what is read moves, at worst, while 5,000 older messages come before it', `${drift.worst} px`, `${drift.loads} pages of them`);
	const scroll = (step: number, frames: number) =>
		p.page.evaluate(
			async ([step, frames]) => {
				const list = document.querySelector('[data-testid=timeline] [role=log]')!;
				const times: number[] = [];
				for (let i = 0, last = performance.now(); i < frames!; i++) {
					list.scrollTop += step!;
					const now = await new Promise<number>(requestAnimationFrame);
					times.push(now - last);
					last = now;
				}
				return times;
			},
			[step, frames],
		);
	for (const [step, frames] of [
		[100, 300],
		[1000, 60],
	] as const) {
		let times: number[] = [];
		const busy = await tasks(devtools, async () => (times = await scroll(step, frames)));
		times.sort((a, b) => a - b);
		row(`scrolling ${(step * 60).toLocaleString('en')} px a second through 5,000 loaded messages: frame`, `${ms(middle(times))}; 95 of 100 within ${ms(times[Math.floor(times.length * 0.95)]!)}`, `longest task ${busy}`);
	}
	await p.page.getByTestId('jump-newest').click();
	await until('the newest is there', async () => (await p.page.getByTestId('jump-newest').count()) === 0);
	const arriving = await tasks(devtools, async () => {
		for (let i = 0; i < 40; i++) {
			await api(bob, w.base, 'POST', `/rooms/${rooms.long.id}/messages`, { content: `**live** ${i} for @ada` });
			await p.page.locator('[data-id]').filter({ hasText: `live ${i} ` }).last().waitFor();
		}
	});
	row('40 messages arrive there: longest task', arriving, 'budget 16 ms');
	await composer(p).click();
	row('typing 80 characters there: longest task', await tasks(devtools, () => p.page.keyboard.type('the quick brown fox jumps over the lazy dog '.repeat(2).slice(0, 80), { delay: 30 })), 'budget 16 ms');
	await w.leave(p);
});

let told = 0;

/** After each part, so that what was measured is kept when a later one fails. */
afterEach(async () => {
	const table = ['| measure | measured | beside it |', '| --- | --- | --- |', ...rows.map((r) => `| ${r.join(' | ')} |`)].join('\n');
	for (; told < rows.length; told++) console.log(rows[told]!.join(' | '));
	if (process.env.REPORT === 'no') return;
	let text = await readFile(report, 'utf8');
	if (!text.includes(begin)) {
		text += `\n## Web UI\n\n\`make bench-ui\` drives the built program with a real Chromium. Tasks are counted in processor time of the page's thread; times to the\nscreen are of the clock and belong to the machine.\n\n${begin}\n${end}\n`;
	}
	await writeFile(report, `${text.slice(0, text.indexOf(begin) + begin.length)}\n\n${table}\n\n${text.slice(text.indexOf(end))}`);
});
