// How far others have read, as the events tell since the page was opened.
import { SvelteMap } from 'svelte/reactivity';

export class Reads {
	#read = new SvelteMap<string, number>();
	#delivered = new SvelteMap<string, number>();

	/** The place up to which a person has read a room; 0 if nothing was heard. */
	read(room: string, user: string): number {
		return this.#read.get(`${room} ${user}`) ?? 0;
	}

	/** The place up to which a room's messages reached one of a person's devices; only in direct rooms. */
	delivered(room: string, user: string): number {
		return Math.max(this.#delivered.get(`${room} ${user}`) ?? 0, this.read(room, user));
	}

	move(room: string, user: string, seq: number, delivered: boolean) {
		const map = delivered ? this.#delivered : this.#read;
		const key = `${room} ${user}`;
		if ((map.get(key) ?? 0) < seq) map.set(key, seq);
	}

	clear() {
		this.#read.clear();
		this.#delivered.clear();
	}
}
