// A server of its own with people before real browsers, for the end-to-end stories.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type APIRequestContext, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';
import { afterEach, expect } from 'vitest';

const program = process.env.PROGRAM ?? resolve(import.meta.dirname, '../../bin/parley');
const chrome = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p)) ?? 'chromium';

// With PICTURES=<folder> a story that fails leaves a picture of every page there.
const worlds = new Set<World>();
afterEach(async ({ task }) => {
	if (!process.env.PICTURES || task.result?.state !== 'fail') return;
	for (const world of worlds) await world.pictures(`${process.env.PICTURES}/${task.name.replace(/\W+/g, '-').slice(0, 50)}`);
});

export const password = 'correct horse battery staple';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = Record<string, any>;

/** A person with a browser. */
export interface Person {
	name: string;
	id: string;
	/** For the API, where the browser is not needed. */
	token: string;
	page: Page;
	context: BrowserContext;
	/** What went wrong in the page; every story ends with none. */
	faults: string[];
}

export class World {
	base = '';
	#data = '';
	#env: NodeJS.ProcessEnv = {};
	#server: ChildProcess | undefined;
	#said = '';
	#browser: Browser | undefined;
	#people: Person[] = [];
	#operator = 0;

	/** Starts a server without people and a browser. More settings are given as environment. */
	static async start(settings: Record<string, string> = {}, options: { demo?: boolean } = {}): Promise<World> {
		const w = new World();
		worlds.add(w);
		w.#data = await mkdtemp(join(tmpdir(), 'ui-'));
		const [main, session, operator] = await Promise.all([freePort(), freePort(), freePort()]);
		w.base = `http://127.0.0.1:${main}`;
		w.#operator = operator;
		w.#env = {
			...process.env,
			PARLEY_DATA: w.#data,
			PARLEY_LISTEN: `127.0.0.1:${main}`,
			PARLEY_SESSION_LISTEN: `127.0.0.1:${session}`,
			PARLEY_OPERATOR_LISTEN: `127.0.0.1:${operator}`,
			PARLEY_LIMITS_MESSAGES_PER_10S: '0',
			PARLEY_LIMITS_LOGIN_PER_MINUTE: '0',
			PARLEY_LIMITS_REGISTER_PER_MINUTE: '0',
			...settings,
		};
		if (options.demo) await w.run(['demo']);
		await w.boot();
		w.#browser = await chromium.launch({
			executablePath: chrome,
			args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
		});
		return w;
	}

	/** Starts the server again on the same data. */
	async boot(): Promise<void> {
		this.#said = '';
		const server = spawn(program, ['serve'], { env: this.#env });
		this.#server = server;
		for (const stream of [server.stdout!, server.stderr!]) stream.on('data', (chunk) => (this.#said += chunk));
		await until('the server is ready', async () => (await fetch(`http://127.0.0.1:${this.#operator}/readyz`)).ok, 60_000).catch((err) => {
			throw new Error(`${err}\n${this.#said.slice(-2000)}`);
		});
	}

	/** Ends the server as an operator (SIGTERM) or as a power cut would (SIGKILL). */
	async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
		const server = this.#server;
		if (!server || server.exitCode !== null || server.signalCode !== null) return;
		const ended = new Promise((done) => server.once('exit', done));
		server.kill(signal);
		await ended;
	}

	async stop(): Promise<void> {
		worlds.delete(this);
		await this.#browser?.close();
		await this.halt();
		if (this.#data) await rm(this.#data, { recursive: true, force: true });
	}

	/** The link that makes the owner, as the program printed it. */
	setupLink(): string {
		const found = /\S+\/setup#\S+/.exec(this.#said);
		if (!found) throw new Error(`no setup link in:\n${this.#said}`);
		return this.base + found[0].slice(found[0].indexOf('/setup#'));
	}

	/** Makes the owner from the command line. */
	async owner(name = 'owner'): Promise<void> {
		await this.run(['user', 'create', '--username', name, '--password-stdin', '--rank', 'owner'], password);
	}

	/** Runs a command of the program on this server's data. */
	run(args: string[], input = ''): Promise<string> {
		return new Promise((done, fail) => {
			const child = spawn(program, [...args, '--data', this.#data], { env: this.#env });
			let out = '';
			for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += chunk));
			child.on('exit', (code) => (code === 0 ? done(out) : fail(new Error(`${args.join(' ')}: ${code}\n${out}`))));
			child.stdin.end(input);
		});
	}

	/** A browser with nobody logged in. */
	async stranger(options: BrowserContextOptions = {}): Promise<Person> {
		const context = await this.#browser!.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
		context.setDefaultTimeout(20_000);
		const page = await context.newPage();
		const person: Person = { name: '', id: '', token: '', page, context, faults: [] };
		this.#watch(person, page);
		context.on('page', (p) => this.#watch(person, p));
		this.#people.push(person);
		return person;
	}

	#watch(person: Person, page: Page) {
		page.on('pageerror', (err) => person.faults.push(`error ${err.stack ?? err}`));
		page.on('console', (message) => {
			const text = message.text();
			// what the server refuses, and what a cut line loses, is part of the stories
			if (message.type() === 'error' && !/Failed to load resource|WebSocket connection to|net::ERR_/.test(text)) person.faults.push(text);
		});
	}

	/** Registers somebody through the API and logs their browser in. */
	async person(name: string, options: BrowserContextOptions = {}): Promise<Person> {
		const p = await this.stranger(options);
		const answer = await p.context.request.post(`${this.base}/api/auth/register`, { data: { username: name, password, display_name: capital(name) } });
		if (answer.status() !== 201) throw new Error(`register ${name}: ${answer.status()} ${await answer.text()}`);
		return this.#entered(p, name, await answer.json());
	}

	/** Logs a browser in as somebody who is there. */
	async login(name: string, options: BrowserContextOptions = {}, secret = password): Promise<Person> {
		const p = await this.stranger(options);
		const answer = await p.context.request.post(`${this.base}/api/auth/login`, { data: { username: name, password: secret } });
		if (!answer.ok()) throw new Error(`login ${name}: ${answer.status()} ${await answer.text()}`);
		return this.#entered(p, name, await answer.json());
	}

	#entered(p: Person, name: string, answer: Json): Person {
		p.name = name;
		p.id = answer.user.id;
		p.token = answer.token;
		return p;
	}

	/** Takes a picture of everything that is open. */
	async pictures(path: string): Promise<void> {
		for (const [i, p] of this.#people.entries()) {
			for (const [j, page] of p.context.pages().entries()) await page.screenshot({ path: `${path}-${p.name || i}-${j}.png` }).catch(() => {});
		}
	}

	/** Closes somebody's browser. */
	async leave(p: Person): Promise<void> {
		await p.context.close();
	}

	/** No page has complained. */
	expectNoFaults() {
		expect(this.#people.flatMap((p) => p.faults.map((f) => `${p.name}: ${f}`))).toEqual([]);
	}
}

/** The API as a person may use it. */
export async function api(p: Person | { context: { request: APIRequestContext } }, base: string, method: string, path: string, data?: Json): Promise<Json> {
	const answer = await p.context.request.fetch(`${base}/api${path}`, { method, data });
	const text = await answer.text();
	if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`);
	return text ? JSON.parse(text) : {};
}

/** Lets a person write many messages, one after the other. */
export async function write(w: World, p: Person, room: string, count: number, text: (n: number) => string | Json): Promise<Json[]> {
	const all: Json[] = [];
	for (let n = 1; n <= count; n++) {
		const body = text(n);
		const answer = await fetch(`${w.base}/api/rooms/${room}/messages`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${p.token}` },
			body: JSON.stringify(typeof body === 'string' ? { content: body } : body),
		});
		if (!answer.ok) throw new Error(`write: ${answer.status} ${await answer.text()}`);
		all.push((await answer.json()) as Json);
	}
	return all;
}

/** Uploads files as a person; answers with their ids. */
export async function uploads(w: World, p: Person, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<string[]> {
	const ids: string[] = [];
	for (const file of files) {
		const answer = await p.context.request.post(`${w.base}/api/attachments/upload`, { multipart: { file } });
		if (!answer.ok()) throw new Error(`upload: ${answer.status()} ${await answer.text()}`);
		ids.push((await answer.json()).attachments[0].id);
	}
	return ids;
}

/** Presses a button of a message that appears when it is pointed at. */
export async function press(p: Person, row: Locator, name: string | RegExp): Promise<void> {
	const button = row.getByRole('button', { name, exact: true });
	await until(`${name} is offered`, async () => {
		await row.hover();
		if (await button.isVisible()) return true;
		await p.page.mouse.move(0, 0); // what scrolls under a resting pointer is not pointed at
		return false;
	});
	await button.click();
}

/** Chooses from a message's menu. */
export async function choose(p: Person, row: Locator, name: string | RegExp): Promise<void> {
	await press(p, row, 'More');
	await p.page.getByRole('menuitem', { name }).click();
}

/** Where the focus is: never nowhere. */
export const focusIsSomewhere = (p: Person): Promise<boolean> => p.page.evaluate(() => document.activeElement !== null && document.activeElement !== document.body);

/** Opens a room in a person's browser and waits for its history. */
export async function openRoom(w: World, p: Person, room: string, rest = ''): Promise<void> {
	await p.page.goto(`${w.base}/r/${room}${rest}`);
	await composer(p).waitFor();
}

export const composer = (p: Person): Locator => p.page.locator('[data-composer]').first();

/** Writes into the room that is open. */
export async function say(p: Person, text: string): Promise<void> {
	await composer(p).fill(text);
	await composer(p).press('Enter');
}

/** The row of a message by its text, newest first. */
export const message = (p: Person, text: string | RegExp): Locator => p.page.locator('[data-id]').filter({ has: p.page.locator('.body').filter({ hasText: text }) }).last();

/** Waits until something is true. */
export async function until(what: string, ok: () => Promise<boolean> | boolean, limit = 20_000): Promise<void> {
	const end = Date.now() + limit;
	let last: unknown;
	for (;;) {
		try {
			if (await ok()) return;
		} catch (err) {
			last = err;
		}
		if (Date.now() > end) throw new Error(`never: ${what}${last ? ` (${last})` : ''}`);
		await new Promise((r) => setTimeout(r, 50));
	}
}

export async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
	const { port } = server.address() as AddressInfo;
	await new Promise((done) => server.close(done));
	return port;
}

const capital = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

/** A small picture that a browser and the server can decode: two colours, as PNG. */
export const picture = Buffer.from(
	'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAJElEQVR42mP4sMUfjrhKU+EIlzjDINRAjCJk8cGoYTQeBoUGAOKka5D4DrHhAAAAAElFTkSuQmCC',
	'base64',
);

/** A document without pages. */
export const pdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');
