// The server's own emoji, by name.
import { call, type Emoji } from '$lib/api/client';
import type { ServerFrame } from '$lib/api/frames';

export class ServerEmoji {
	#all = $state.raw<ReadonlyMap<string, Emoji>>(new Map());

	/** In the order they were made. */
	get list(): readonly Emoji[] {
		return [...this.#all.values()];
	}

	/** Without colons, in any case. */
	named(name: string): Emoji | undefined {
		return this.#all.get(name.toLowerCase());
	}

	async load() {
		this.#replace((await call('GET /emoji')).emoji);
	}

	apply(frame: ServerFrame) {
		switch (frame.type) {
			case 'emoji_added':
			case 'emoji_updated':
				this.#replace([...this.list.filter((e) => e.id !== frame.emoji.id), frame.emoji]);
				break;
			case 'emoji_removed':
				this.#replace(this.list.filter((e) => e.id !== frame.id));
				break;
		}
	}

	clear() {
		this.#all = new Map();
	}

	#replace(list: readonly Emoji[]) {
		this.#all = new Map(list.map((e) => [e.name.toLowerCase(), e]));
	}
}
