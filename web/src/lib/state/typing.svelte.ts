// Who types where. The server ends it by itself; a frame that got lost must not leave someone typing for ever.
import { SvelteMap } from 'svelte/reactivity';

const longest = 7000;

export class Typing {
	#by = new SvelteMap<string, ReadonlySet<string>>();
	#ends = new Map<string, ReturnType<typeof setTimeout>>();

	in(room: string): ReadonlySet<string> {
		return this.#by.get(room) ?? none;
	}

	set(room: string, user: string, typing: boolean) {
		const key = `${room} ${user}`;
		clearTimeout(this.#ends.get(key));
		this.#ends.delete(key);
		const had = this.#by.get(room) ?? none;
		if (typing) {
			this.#ends.set(key, setTimeout(() => this.set(room, user, false), longest));
			if (!had.has(user)) this.#by.set(room, new Set([...had, user]));
		} else if (had.has(user)) {
			const rest = new Set(had);
			rest.delete(user);
			if (rest.size) this.#by.set(room, rest);
			else this.#by.delete(room);
		}
	}

	clear() {
		for (const t of this.#ends.values()) clearTimeout(t);
		this.#ends.clear();
		this.#by.clear();
	}
}

const none: ReadonlySet<string> = new Set();
