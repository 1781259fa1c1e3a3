// Keeps what messages look like: the same state of a message is turned into HTML once, however often it is scrolled past.
import { untrack } from 'svelte';
import type { Message } from '$lib/api/client';
import { m } from '$lib/i18n';
import { plainText, renderMessage, type MessageContext, type RenderedMessage } from '$lib/markdown';
import { app } from '$lib/state/app.svelte';

/** The most that is kept; the oldest goes first. */
const most = 3000;

/** A map that forgets what was not asked for in a long time. */
export class Bounded<V> {
	#map = new Map<string, V>();
	constructor(readonly most: number) {}

	get(key: string, make: () => V): V {
		let value = this.#map.get(key);
		if (value !== undefined) this.#map.delete(key);
		else {
			value = make();
			if (this.#map.size >= this.most) this.#map.delete(this.#map.keys().next().value!);
		}
		this.#map.set(key, value);
		return value;
	}

	delete(key: string) {
		this.#map.delete(key);
	}

	clear() {
		this.#map.clear();
	}

	get size() {
		return this.#map.size;
	}
}

const html = new Bounded<RenderedMessage>(most);
const lines = new Bounded<string>(most);

/** What stands in messages besides their own words: changes when any of it does. */
class Surroundings {
	version = $state(0);

	changed() {
		html.clear();
		lines.clear();
		this.version++;
	}
}

export const surroundings = new Surroundings();

app.on((frame) => {
	if (frame.type === 'user_updated' || frame.type === 'room_updated') surroundings.changed();
});

$effect.root(() => {
	$effect(() => {
		void app.emoji.list;
		untrack(() => surroundings.changed());
	});
});

/** A message's text as safe HTML. Reads no reactive state. */
export function rendered(message: Message): RenderedMessage {
	return untrack(() => html.get(keyOf(message), () => renderMessage(message.content, contextOf(message))));
}

/** A text that a message carries besides its own, such as that of an embed. */
export function renderedPart(message: Message, part: string, text: string): RenderedMessage {
	return untrack(() => html.get(`${keyOf(message)} ${part}`, () => renderMessage(text, contextOf(message))));
}

/** Makes it anew the next time: more is known of the people in it. */
export function forget(message: Message) {
	html.delete(keyOf(message));
	lines.delete(keyOf(message));
}

/** A message in one line of plain text: for quotes, lists and names. */
export function oneLine(message: Message): string {
	return untrack(() => lines.get(keyOf(message), () => line(message)));
}

function line(message: Message): string {
	if (message.deleted) return m.timeline_deleted();
	if (message.type === 'system') return message.content;
	const text = plainText(message.content, 160, contextOf(message));
	if (!text && message.poll) return message.poll.question;
	const embed = message.embeds?.[0];
	if (!text && embed) return embed.title || plainText(embed.description, 160, contextOf(message));
	return text || message.attachments.map((a) => a.filename).join(', ');
}

const keyOf = (message: Message) => `${message.id} ${message.change_seq} ${message.edited_at ?? ''}`;

function contextOf(message: Message): MessageContext {
	const me = app.me?.id;
	const mentioned = new Map<string, { id: string; name: string; self?: boolean }>();
	for (const id of message.mentions) {
		const person = app.people.get(id);
		if (person) mentioned.set(person.username.toLowerCase(), { id, name: person.display_name, self: id === me });
	}
	return {
		user: (name) => mentioned.get(name) ?? null,
		room: (slug) => {
			const room = app.rooms.bySlug(slug);
			return room ? { id: room.id, name: room.name } : null;
		},
		emoji: (name) => app.emoji.named(name)?.url,
		place: (id, inside) => {
			const room = app.rooms.get(id) ?? app.rooms.bySlug(id);
			if (!room) return null;
			return inside ? m.timeline_place_message({ room: room.name }) : room.name;
		},
		labels: {
			spoiler: m.timeline_spoiler(),
			table: m.timeline_table(),
			code: m.timeline_code(),
			done: m.timeline_task_done(),
			open: m.timeline_task_open(),
		},
	};
}

/** The people that a message mentions and of whom nothing is known yet. */
export function strangers(message: Message): string[] {
	return untrack(() => message.mentions.filter((id) => !app.people.get(id)));
}
