import { defineConfig } from 'vitest/config';

// npm run e2e [name of a file]; PROGRAM names the built program if it is not bin/parley, CHROMIUM the browser. With PICTURES=<folder>
// a story that fails leaves pictures of its pages there. PART is another file than the stories: measure or screenshots.
const part = process.env.PART;

export default defineConfig({
	test: {
		environment: 'node',
		root: import.meta.dirname,
		include: [part ? `${part}.ts` : '*.test.ts'],
		testTimeout: part ? 1_200_000 : 120_000,
		hookTimeout: part ? 1_200_000 : 120_000,
		teardownTimeout: 20_000,
		// each file has a server and a browser of its own: one at a time is quickest on a small machine
		fileParallelism: false,
		pool: 'forks',
	},
});
