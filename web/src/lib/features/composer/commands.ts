// What can be typed after a slash. Each returns what to send, or does something and returns nothing.
import { call } from '$lib/api/client';
import type { Room } from '$lib/api/client';
import { m } from '$lib/i18n';
import { roomPath, router } from '$lib/router.svelte';
import { shell } from '$lib/features/shell/shell.svelte';
import type { Conversation } from '$lib/features/conversation/conversation.svelte';
import { app } from '$lib/state/app.svelte';
import { toast } from '$lib/ui/toast.svelte';

export interface Command {
	name: string;
	/** What follows the name, for the list. */
	usage: string;
	help: () => string;
	allowed?: (room: Room) => boolean;
	run: (room: Room, rest: string, conversation: Conversation) => Promise<string | void>;
}

async function person(name: string) {
	const wanted = name.replace(/^@/, '').toLowerCase();
	const known = app.people.byUsername(wanted);
	if (known) return known;
	const { users } = await call('GET /users/search', { query: { q: wanted, limit: 5 } });
	const found = users.find((u) => u.username.toLowerCase() === wanted);
	if (!found) throw new CommandError(m.command_no_person({ name }));
	app.people.learn(found);
	return found;
}

/** A command that cannot be done as typed; its text is for the person. */
export class CommandError extends Error {}

const admin = (room: Room) => room.me?.role === 'owner' || room.me?.role === 'admin';

export const commands: readonly Command[] = [
	{ name: 'shrug', usage: '', help: m.command_shrug, run: async (_, rest) => `${rest} ¯\\\\\\_(ツ)\\_/¯`.trim() },
	{ name: 'spoiler', usage: m.command_usage_text(), help: m.command_spoiler, run: async (_, rest) => (rest ? `||${rest}||` : undefined) },
	{
		name: 'poll',
		usage: m.command_usage_poll(),
		help: m.command_poll,
		allowed: (room) => !room.encrypted,
		run: async (room, rest, conversation) => {
			const [question = '', ...options] = rest.split('|').map((s) => s.trim());
			if (!question || options.length === 0) return void (conversation.asking = true);
			const parent = conversation.replyTo?.id ?? conversation.thread;
			const body = { content: '', nonce: crypto.randomUUID(), poll: { question, options: options.map((text) => ({ text })) }, ...(parent ? { parent_id: parent } : {}) };
			app.own(await call('POST /rooms/{id}/messages', { path: { id: room.id }, body }));
		},
	},
	{
		name: 'msg',
		usage: `@${m.command_usage_name()} ${m.command_usage_text()}`,
		help: m.command_msg,
		run: async (_, rest) => {
			const [name = '', ...words] = rest.split(/\s+/);
			if (!name) throw new CommandError(m.command_no_person({ name: '@' }));
			const who = await person(name);
			const room = await app.directRoom(who.id);
			const text = words.join(' ').trim();
			if (text) await app.outbox.add({ room_id: room.id, content: text, parent_id: null, attachments: [] });
			router.go(roomPath(room.id));
		},
	},
	{
		name: 'invite',
		usage: `@${m.command_usage_name()}`,
		help: m.command_invite,
		allowed: (room) => room.type !== 'direct' && admin(room),
		run: async (room, rest) => {
			const who = await person(rest.trim());
			await call('POST /rooms/{id}/members', { path: { id: room.id }, body: { user_id: who.id } });
			toast.show({ text: m.command_invited({ name: who.display_name }), kind: 'success' });
		},
	},
	{
		name: 'topic',
		usage: m.command_usage_text(),
		help: m.command_topic,
		allowed: (room) => room.type !== 'direct' && admin(room),
		run: async (room, rest) => void app.rooms.put(await call('PUT /rooms/{id}', { path: { id: room.id }, body: { topic: rest.trim() } })),
	},
	{
		name: 'status',
		usage: m.command_usage_text(),
		help: m.command_status,
		run: async (_, rest) => void (await call('PATCH /users/me', { body: { status_message: rest.trim() } })),
	},
	{ name: 'away', usage: '', help: m.command_away, run: async () => void (await call('PATCH /users/me', { body: { status: 'away' } })) },
	{ name: 'back', usage: '', help: m.command_back, run: async () => void (await call('PATCH /users/me', { body: { status: 'online' } })) },
	{
		name: 'search',
		usage: m.command_usage_text(),
		help: m.command_search,
		run: async (room, rest) => router.go(`/search?q=${encodeURIComponent(rest.trim())}&room=${encodeURIComponent(room.id)}`),
	},
	{ name: 'shortcuts', usage: '', help: m.command_shortcuts, run: async () => shell.show('shortcuts', true) },
];

/** Splits "/name rest"; null if the text is no command of ours. A double slash writes a slash. */
export function parseCommand(text: string): { command: Command; rest: string } | null {
	const found = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i.exec(text.trim());
	const command = found && commands.find((c) => c.name === found[1]!.toLowerCase());
	return command ? { command, rest: found![2] ?? '' } : null;
}
