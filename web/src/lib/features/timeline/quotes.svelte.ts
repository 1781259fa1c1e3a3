// Messages that are quoted but not among those that are shown: each is asked for once.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError, call, type Message } from '$lib/api/client';
import { app } from '$lib/state/app.svelte';

const most = 500;

class Quotes {
	#known = new SvelteMap<string, Message | null>();
	#asked = new Set<string>();

	constructor() {
		app.on((frame) => {
			switch (frame.type) {
				case 'message_updated':
					if (this.#known.has(frame.message.id)) this.#known.set(frame.message.id, frame.message);
					break;
				case 'message_deleted':
					if (this.#known.has(frame.message_id)) this.#known.set(frame.message_id, null);
					break;
			}
		});
	}

	/** A message; null if there is none to be shown, undefined while that is not known. */
	get(id: string): Message | null | undefined {
		return this.#known.get(id);
	}

	load(id: string) {
		if (this.#asked.has(id) || this.#known.has(id)) return;
		this.#asked.add(id);
		call('GET /messages/{id}', { path: { id } })
			.then(
				(message) => this.#keep(id, message.deleted ? null : message),
				(err) => err instanceof ApiError && err.status < 500 && err.status !== 429 && this.#keep(id, null),
			)
			.finally(() => this.#asked.delete(id));
	}

	#keep(id: string, message: Message | null) {
		if (this.#known.size >= most) this.#known.delete(this.#known.keys().next().value!);
		this.#known.set(id, message);
		app.people.learn(message?.sender);
	}
}

export const quotes = new Quotes();
