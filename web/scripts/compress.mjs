// Lays a .br and a .gz twin beside every file of the built interface that is worth it.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = process.argv[2] ?? new URL('../dist/app/', import.meta.url).pathname;
for (const name of readdirSync(root, { recursive: true })) {
	const file = `${root}/${name}`;
	if (!/\.(js|css|html|svg|json|webmanifest)$/.test(name) || !statSync(file).isFile()) continue;
	const body = readFileSync(file);
	if (body.length < 512) continue;
	const quality = body.length > 300_000 ? 9 : 11; // the best takes seconds on the emoji data
	writeFileSync(`${file}.br`, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }));
	writeFileSync(`${file}.gz`, gzipSync(body, { level: 9 }));
}
