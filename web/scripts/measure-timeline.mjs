// Measures the timeline in a real browser: how far rows drift when older ones come before them, the time between frames while
// scrolling, and how long the page is busy at a time while messages arrive and while one types. For a room made by fill-room.mjs:
//
//	node scripts/measure-timeline.mjs http://127.0.0.1:8080 <room id> mara tomas password [messages to load]
import { chromium } from 'playwright-core';

const [server, room, reader, writer, password, load = '5000'] = process.argv.slice(2);
if (!password) {
	console.error('usage: node scripts/measure-timeline.mjs <server> <room id> <reader> <writer> <their password> [messages to load]');
	process.exit(2);
}
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });

async function enter(username) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
	const answer = await context.request.post(`${server}/api/auth/login`, { data: { username, password }, headers: { Origin: server } });
	if (!answer.ok()) throw new Error(`log in as ${username}: ${answer.status()}`);
	return context;
}

try {
	const context = await enter(reader);
	const other = await enter(writer);
	const page = await context.newPage();
	const devtools = await context.newCDPSession(page);
	// pages come late enough for the rows before them to be looked at
	await page.route(/\/messages\?.*before=/, async (route) => {
		await new Promise((done) => setTimeout(done, 150));
		await route.continue();
	});

	/** The longest the page's thread was busy at a time, and how often longer than 16 ms: processor time, not that of the clock. */
	async function busy(what, run) {
		const events = [];
		const gather = (part) => events.push(...part.value);
		devtools.on('Tracing.dataCollected', gather);
		await devtools.send('Tracing.start', { transferMode: 'ReportEvents', categories: 'toplevel' });
		const result = await run();
		const complete = new Promise((done) => devtools.once('Tracing.tracingComplete', done));
		await devtools.send('Tracing.end');
		await complete;
		devtools.off('Tracing.dataCollected', gather);
		const mains = new Set(events.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`));
		const tasks = events.filter((e) => e.ph === 'X' && e.name.endsWith('RunTask') && mains.has(`${e.pid} ${e.tid}`)).map((e) => (e.tdur ?? e.dur) / 1000);
		const longest = Math.max(0, ...tasks);
		console.log(`${what}: longest task ${longest.toFixed(1)} ms, ${tasks.filter((t) => t > 16).length} over 16 ms${result ? `, ${result}` : ''}`);
	}

	let begun = Date.now();
	await page.goto(`${server}/r/${room}`);
	await page.waitForSelector('[data-placed=true]');
	console.log(`opened after ${Date.now() - begun} ms, the page included`);
	await page.waitForTimeout(500);

	// the list stays at its end until a person leaves it: what a script sets is no person
	await page.getByTestId('timeline').hover();
	await page.mouse.wheel(0, -300);
	await page.waitForTimeout(500);

	const drift = await page.evaluate(async (want) => {
		const list = document.querySelector('[data-testid=timeline] [role=log]');
		const frame = () => new Promise((done) => requestAnimationFrame(done));
		let worst = 0;
		let loads = 0;
		for (let idle = 0; loads * 50 < want && idle < 20; ) {
			list.scrollTop = Math.min(list.scrollTop, 900);
			for (let i = 0; i < 3; i++) await frame();
			const height = list.scrollHeight;
			const edge = list.getBoundingClientRect().top;
			const row = [...list.querySelectorAll('[data-key]')].find((e) => e.getBoundingClientRect().top > edge + 50);
			const before = row.getBoundingClientRect().top;
			let after = 0;
			for (const end = performance.now() + 1500; performance.now() < end && after < 12; ) {
				await frame();
				const now = list.querySelector(`[data-key="${row.dataset.key}"]`)?.getBoundingClientRect().top ?? Infinity;
				worst = Math.max(worst, Math.abs(now - before));
				if (list.scrollHeight !== height) after++;
			}
			if (after > 0) loads++;
			else idle++;
		}
		return { loads, worst };
	}, Number(load));
	console.log(`drift: ${drift.worst} px at worst in ${drift.loads} loads of older messages`);

	const scroll = (step, frames) =>
		page.evaluate(
			async ([step, frames]) => {
				const list = document.querySelector('[data-testid=timeline] [role=log]');
				const times = [];
				for (let i = 0, last = performance.now(); i < frames; i++) {
					list.scrollTop += step;
					const now = await new Promise((done) => requestAnimationFrame(done));
					times.push(now - last);
					last = now;
				}
				times.sort((a, b) => a - b);
				return `frames of ${times[frames >> 1].toFixed(1)} ms (half), ${times[Math.floor(frames * 0.95)].toFixed(1)} ms (95 of 100)`;
			},
			[step, frames],
		);
	await busy('scrolling 6,000 px a second', () => scroll(100, 300));
	await busy('scrolling 60,000 px a second', () => scroll(1000, 60));
	await page.getByTestId('jump-newest').click();
	await page.waitForTimeout(1000);
	await busy('20 messages arrive', async () => {
		for (let i = 0; i < 20; i++) {
			await other.request.post(`${server}/api/rooms/${room}/messages`, { data: { content: `**live** ${i} @${reader}` }, headers: { Origin: server } });
			await page.waitForTimeout(60);
		}
	});
	await page.locator('textarea').last().click();
	await busy('typing 40 characters', () => page.keyboard.type('the quick brown fox jumps over the lazy ', { delay: 40 }));
} finally {
	await browser.close();
}
