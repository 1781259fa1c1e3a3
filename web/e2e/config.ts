import { defineConfig } from 'vitest/config';

// npm run e2e [name of a file]; PROGRAM names the built program if it is not bin/parley, CHROMIUM the browser.
export default defineConfig({
	test: {
		environment: 'node',
		root: import.meta.dirname,
		include: ['*.test.ts'],
		testTimeout: 120_000,
		hookTimeout: 120_000,
		teardownTimeout: 20_000,
		// each file has a server and a browser of its own: one at a time is quickest on a small machine
		fileParallelism: false,
		pool: 'forks',
	},
});
