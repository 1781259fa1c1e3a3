// Adds or changes a text of the interface in every language's file, sorted by key:
//
//	npm run message -- composer_placeholder "Message {room}" "Nachricht an {room}"
//
// The first text is English, the second German. A text with a number: give JSON with "one" and "other" and use {count}.
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';

const [key, ...texts] = process.argv.slice(2);
const languages = ['en', 'de'];
if (!/^[a-z][a-z0-9_]*$/.test(key ?? '') || texts.length !== languages.length) {
	console.error('usage: npm run message -- key "English" "Deutsch"');
	process.exit(2);
}

function value(text) {
	if (!text.startsWith('{"')) return text;
	const match = {};
	for (const [form, words] of Object.entries(JSON.parse(text))) match[`plural=${form}`] = words;
	return [{ declarations: ['input count', 'local plural = count: plural'], selectors: ['plural'], match }];
}

const lock = new URL('../messages/.lock', import.meta.url);
for (let tries = 0; ; tries++) {
	try {
		mkdirSync(lock);
		break;
	} catch (err) {
		if (err.code !== 'EEXIST' || tries > 100) throw err;
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
	}
}
try {
	languages.forEach((language, i) => {
		const file = new URL(`../messages/${language}.json`, import.meta.url);
		const all = JSON.parse(readFileSync(file, 'utf8'));
		all[key] = value(texts[i]);
		const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
		writeFileSync(new URL(file + '.new'), JSON.stringify(sorted, null, '\t') + '\n');
		renameSync(new URL(file + '.new'), file);
	});
} finally {
	rmdirSync(lock);
}
