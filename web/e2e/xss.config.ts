import { defineConfig } from 'vitest/config';

// npx vitest run --config e2e/xss.config.ts; PROGRAM names the built program if it is not bin/parley.
export default defineConfig({
	test: { environment: 'node', root: import.meta.dirname, include: ['xss.test.ts'], testTimeout: 600_000, hookTimeout: 120_000 },
});
