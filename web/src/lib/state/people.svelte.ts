// Everyone this client has heard of, and what they show.
import { SvelteMap } from 'svelte/reactivity';
import { call, type User, type UserSummary } from '$lib/api/client';
import type { Status } from '$lib/api/frames';

/** A person as far as they are known: profiles come with members and lookups, summaries with messages. */
export type Person = UserSummary & Partial<Pick<User, 'bio' | 'created_at' | 'last_seen_at' | 'roles'>>;

export interface Presence {
	status: Status;
	message: string;
}

const nobody: Presence = { status: 'offline', message: '' };

export class People {
	#known = new SvelteMap<string, Person>();
	#presence = new SvelteMap<string, Presence>();
	#asked = new Map<string, Promise<Person>>();

	get(id: string): Person | undefined {
		return this.#known.get(id);
	}

	presence(id: string): Presence {
		return this.#presence.get(id) ?? nobody;
	}

	/** Everyone known, in no order. */
	all(): Iterable<Person> {
		return this.#known.values();
	}

	byUsername(name: string): Person | undefined {
		const wanted = name.toLowerCase();
		for (const p of this.#known.values()) if (p.username.toLowerCase() === wanted) return p;
		return undefined;
	}

	/** Notes what a message or a list says of a person; a whole profile carries presence too. */
	learn(person: UserSummary | User | null | undefined) {
		if (!person) return;
		const before = this.#known.get(person.id);
		if (!before || differs(before, person)) {
			const { id, username, display_name, avatar_url, bot, rank } = person;
			const next: Person = { ...before, id, username, display_name, avatar_url, bot, rank };
			if ('bio' in person) Object.assign(next, { bio: person.bio, created_at: person.created_at, last_seen_at: person.last_seen_at, roles: person.roles });
			this.#known.set(person.id, next);
		}
		if ('status' in person) this.show(person.id, person.status, person.status_message);
	}

	show(id: string, status: Status, message: string) {
		const before = this.#presence.get(id);
		if (before?.status !== status || before.message !== message) this.#presence.set(id, { status, message });
	}

	/** Asks the server for a person once. */
	async load(id: string): Promise<Person> {
		let asked = this.#asked.get(id);
		if (!asked) {
			asked = call('GET /users/{id}', { path: { id } }).then((user) => {
				this.learn(user);
				return this.#known.get(id)!;
			});
			this.#asked.set(id, asked);
			asked.catch(() => {}).finally(() => this.#asked.delete(id));
		}
		return asked;
	}

	clear() {
		this.#known.clear();
		this.#presence.clear();
	}
}

function differs(a: Person, b: UserSummary | User): boolean {
	return (
		a.username !== b.username ||
		a.display_name !== b.display_name ||
		a.avatar_url !== b.avatar_url ||
		a.rank !== b.rank ||
		a.bot !== b.bot ||
		('bio' in b && (a.bio !== b.bio || a.last_seen_at !== b.last_seen_at || a.roles?.join() !== b.roles.join()))
	);
}
