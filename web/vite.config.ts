import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { pickerPolicy } from './scripts/picker-policy.mjs';

// During development the API is that of a server started beside it: make dev.
const server = process.env.API_SERVER ?? 'http://127.0.0.1:8080';

const here = (path: string) => new URL(path, import.meta.url).pathname;

export default defineConfig({
	plugins: [
		// tests use what `npm run messages` made: this plugin's watcher would keep them from ending
		!process.env.VITEST &&
			paraglideVitePlugin({
				project: './project.inlang',
				outdir: './src/lib/i18n/paraglide',
				strategy: ['localStorage', 'preferredLanguage', 'baseLocale'],
			}),
		pickerPolicy(),
		svelte(),
	],
	resolve: {
		alias: {
			$lib: here('./src/lib'),
			// markdown-it brings them along; 21 kB compressed for what the browser or links.ts does
			entities: here('./src/lib/markdown/shims/entities.ts'),
			'linkify-it': here('./src/lib/markdown/shims/unused.ts'),
			'punycode.js': here('./src/lib/markdown/shims/unused.ts'),
		},
		conditions: process.env.VITEST ? ['browser'] : undefined,
	},
	build: {
		outDir: 'dist/app',
		emptyOutDir: true,
		assetsDir: '_ui',
		assetsInlineLimit: 0, // the policy of the page allows no data: scripts or styles
		target: 'es2022',
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
		rolldownOptions: {
			input: { index: 'index.html', sw: 'src/sw.ts' },
			// the worker's address must stay the same, and it reaches only what lies below it
			output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : '_ui/[name]-[hash].js') },
		},
	},
	server: { proxy: { '/api': { target: server, ws: true } } },
	test: { environment: 'jsdom', setupFiles: ['src/test/setup.ts'], include: ['src/**/*.test.ts'], server: { deps: { inline: ['markdown-it'] } } },
});
