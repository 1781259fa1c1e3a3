// Fills a new public room with messages of all kinds, to measure with. The server must run without limits on sending:
//
//	node scripts/fill-room.mjs http://127.0.0.1:8080 name 5000 mara,tomas,priya password
import http from 'node:http';

const [server, name, count, people, password] = process.argv.slice(2);
if (!password) {
	console.error('usage: node scripts/fill-room.mjs <server> <room name> <count> <username,username,…> <their password>');
	process.exit(2);
}
const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });

function ask(method, path, token, body) {
	const text = body ? JSON.stringify(body) : '';
	return new Promise((resolve, reject) => {
		const request = http.request(`${server}/api${path}`, {
			method,
			agent,
			headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...(token ? { Authorization: `Bearer ${token}` } : {}) },
		}, (answer) => {
			let got = '';
			answer.on('data', (part) => (got += part));
			answer.on('end', () => (answer.statusCode < 300 ? resolve(got ? JSON.parse(got) : null) : reject(new Error(`${method} ${path}: ${answer.statusCode} ${got}`))));
		});
		request.on('error', reject);
		request.end(text);
	});
}

const kinds = [
	(i) => `Message ${i}: a short one`,
	(i) => `**Bold** ${i} and _italic_ with \`code\` and a [link](https://example.org/${i}), long enough to be wrapped at least once on most screens`,
	(i) => `List ${i}:\n- one\n- two\n- three`,
	(i) => '```js\nconst x = ' + i + ';\nconsole.log(x);\n```',
	(i) => `> quoted ${i}\n\nand an answer`,
	() => '👍😂',
	(i) => `Lorem ipsum ${i} `.repeat(1 + (i % 12)),
];

const tokens = [];
for (const username of people.split(',')) tokens.push((await ask('POST', '/auth/login', null, { username, password })).token);
const room = await ask('POST', '/rooms', tokens[0], { name, type: 'public' });
for (const token of tokens.slice(1)) await ask('POST', `/rooms/${room.id}/join`, token);

let next = 0;
let parent = null;
async function write() {
	while (next < Number(count)) {
		const i = next++;
		const who = tokens[Math.floor(i / 3) % tokens.length];
		const message = await ask('POST', `/rooms/${room.id}/messages`, who, { content: kinds[i % kinds.length](i), ...(parent && i % 17 === 0 ? { parent_id: parent } : {}) });
		if (i % 40 === 0) parent = message.id;
		if (i % 11 === 0) await ask('POST', `/messages/${message.id}/reactions`, tokens[i % tokens.length], { emoji: ['👍', '❤️', '🎉'][i % 3] });
	}
}
await Promise.all(Array.from({ length: 24 }, write));
console.log(`${name}: room ${room.id} with ${count} messages`);
agent.destroy();
