// What is fetched from the login page to the first messages: at most 150 kB of compressed JavaScript.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { composer, password, World, type Person } from './world';

let w: World;

beforeAll(async () => {
	w = await World.start();
	await w.owner('ada');
});
afterAll(() => w?.stop());

/** Adds up what a page fetches, as it comes over the line. */
export async function weigh(p: Person): Promise<{ js: () => number; all: () => number; files: () => string[] }> {
	const devtools = await p.context.newCDPSession(p.page);
	const urls = new Map<string, string>();
	const sizes = new Map<string, number>();
	devtools.on('Network.responseReceived', ({ requestId, response }) => void urls.set(requestId, response.url));
	devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => void sizes.set(urls.get(requestId) ?? requestId, encodedDataLength));
	await devtools.send('Network.enable');
	const sum = (fits: (url: string) => boolean) => [...sizes].filter(([url]) => fits(url)).reduce((n, [, size]) => n + size, 0);
	const isJs = (url: string) => new URL(url, w?.base).pathname.endsWith('.js');
	return { js: () => sum(isJs), all: () => sum(() => true), files: () => [...sizes].filter(([url]) => isJs(url)).map(([url, size]) => `${new URL(url).pathname} ${size}`) };
}

it('login to timeline needs at most 150 kB of compressed JavaScript', async () => {
	const p = await w.stranger({ serviceWorkers: 'block' });
	const load = await weigh(p);
	await p.page.goto(`${w.base}/login`);
	await p.page.getByLabel('Username').fill('ada');
	await p.page.getByLabel('Password', { exact: true }).fill(password);
	await p.page.keyboard.press('Enter');
	await composer(p).waitFor();
	await p.page.locator('[data-placed=true]').waitFor();
	await p.page.waitForLoadState('networkidle');
	console.log(`login to timeline: ${(load.js() / 1000).toFixed(1)} kB of JavaScript, ${(load.all() / 1000).toFixed(1)} kB in all`);
	expect(load.js(), load.files().join('\n')).toBeLessThanOrEqual(150_000);
	expect(load.js()).toBeGreaterThan(10_000);
	w.expectNoFaults();
});
