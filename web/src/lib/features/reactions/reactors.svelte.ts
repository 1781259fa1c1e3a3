// Who reacted to which message: asked for when somebody wants to know, and again when it has changed.
import { SvelteMap } from 'svelte/reactivity';
import { call, type Message, type Reactors } from '$lib/api/client';
import { m } from '$lib/i18n';
import { app } from '$lib/state/app.svelte';

const named = 8;
const most = 200;

class ReactorState {
	#known = new SvelteMap<string, readonly Reactors[]>();
	#asked = new Set<string>();

	load(message: Message): void {
		const key = keyOf(message);
		if (this.#known.has(key) || this.#asked.has(key)) return;
		this.#asked.add(key);
		call('GET /messages/{id}/reactions', { path: { id: message.id } })
			.then((list) => {
				if (this.#known.size >= most) this.#known.delete(this.#known.keys().next().value!);
				this.#known.set(key, list.reactions);
				for (const r of list.reactions) for (const u of r.users) app.people.learn(u);
			})
			.catch(() => {}) // the number is shown in any case
			.finally(() => this.#asked.delete(key));
	}

	of(message: Message): readonly Reactors[] | undefined {
		return this.#known.get(keyOf(message));
	}

	/** "Ann, Bob and 3 more reacted with 👍"; undefined while it is not known. */
	text(message: Message, emoji: string): string | undefined {
		const r = this.of(message)?.find((r) => r.emoji === emoji);
		if (!r) return undefined;
		const names = r.users.slice(0, named).map((u) => u.display_name);
		const more = r.count - names.length;
		const list = names.join(', ');
		return m.reactions_tip({ emoji, names: more > 0 ? m.reactions_and_more({ names: list, count: more }) : list });
	}
}

const keyOf = (message: Message) => `${message.id} ${message.change_seq}`;

export const reactors = new ReactorState();
