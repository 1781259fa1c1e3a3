// What could be meant by what is being typed: people, rooms, emoji, commands.
import { call, type Room } from '$lib/api/client';
import { getLocale, m } from '$lib/i18n';
import type { Completion } from '$lib/markdown/composer';
import { loadEmoji } from '$lib/markdown/emoji';
import { app } from '$lib/state/app.svelte';
import type { Person } from '$lib/state/people.svelte';
import { commands } from './commands';

export type Suggestion =
	| { key: string; kind: 'user'; insert: string; person: Person }
	| { key: string; kind: 'everyone'; insert: string; label: string; detail: string }
	| { key: string; kind: 'room'; insert: string; room: Room }
	| { key: string; kind: 'emoji'; insert: string; emoji: string; url?: string; label: string }
	| { key: string; kind: 'command'; insert: string; label: string; detail: string };

const most = 8;

export class Suggestions {
	list = $state.raw<readonly Suggestion[]>([]);
	completion = $state.raw<Completion | null>(null);
	active = $state(0);
	/** Told of an emoji whose name was written to its second colon: there is nothing left to choose. */
	exact: (completion: Completion, emoji: string) => void = () => {};
	#asked = 0;
	#wait: ReturnType<typeof setTimeout> | undefined;

	get open(): boolean {
		return this.completion !== null && this.list.length > 0;
	}

	close() {
		clearTimeout(this.#wait);
		this.#asked++;
		this.completion = null;
		this.list = [];
	}

	move(step: number) {
		if (this.list.length) this.active = (this.active + step + this.list.length) % this.list.length;
	}

	/** Shows what fits; what only the server knows follows. */
	update(completion: Completion | null, room: Room) {
		const asked = ++this.#asked;
		clearTimeout(this.#wait);
		if (!completion) return this.close();
		if (completion.kind !== this.completion?.kind || completion.query !== this.completion.query) this.active = 0;
		this.completion = completion;
		const q = completion.query;
		switch (completion.kind) {
			case 'user':
				this.list = people(q, room);
				if (q.length > 0 && room.type !== 'direct') this.#wait = setTimeout(() => void this.#search(q, room, asked), 150);
				break;
			case 'room':
				this.list = app.rooms.list
					.filter((r) => r.slug && r.type !== 'direct' && (r.slug.toLowerCase().startsWith(q.toLowerCase()) || r.name.toLowerCase().includes(q.toLowerCase())))
					.slice(0, most)
					.map((r) => ({ key: r.id, kind: 'room', insert: `#${r.slug}`, room: r }));
				break;
			case 'command':
				this.list = commands
					.filter((c) => c.name.startsWith(q.toLowerCase()) && (c.allowed?.(room) ?? true))
					.map((c) => ({ key: c.name, kind: 'command', insert: `/${c.name}`, label: `/${c.name} ${c.usage}`.trim(), detail: c.help() }));
				break;
			case 'emoji':
				void this.#emoji(q, completion.closed ?? false, asked);
		}
	}

	async #search(q: string, room: Room, asked: number) {
		try {
			const { users } = await call('GET /users/search', { query: { q, limit: most } });
			if (asked !== this.#asked) return;
			for (const u of users) app.people.learn(u);
			this.list = people(q, room);
		} catch {
			// what is known is shown
		}
	}

	async #emoji(q: string, closed: boolean, asked: number) {
		try {
			const index = await loadEmoji(getLocale());
			if (asked !== this.#asked) return;
			const found = closed ? [index.named(q)].flatMap((e) => e ?? []) : index.search(q, most);
			const tone = app.preferences.current.skin_tone;
			const own = app.emoji.list.filter((e) => (closed ? e.name.toLowerCase() === q.toLowerCase() : e.name.toLowerCase().includes(q.toLowerCase())));
			const pictures = own.map((e): Suggestion => ({ key: `own ${e.id}`, kind: 'emoji', insert: `:${e.name}:`, emoji: '', url: e.url, label: `:${e.name}:` }));
			const drawn = found.map((e): Suggestion => {
				const emoji = (tone > 0 && e.skins[tone - 1]) || e.emoji;
				return { key: e.shortcode, kind: 'emoji', insert: emoji, emoji, label: `:${e.shortcode}:` };
			});
			if (closed) {
				const completion = this.completion;
				this.close();
				if (completion && !pictures.length && drawn[0]) this.exact(completion, drawn[0].insert);
				return;
			}
			this.list = [...pictures, ...drawn].slice(0, most);
		} catch {
			this.list = [];
		}
	}
}

/** People by the beginning of a name or of a word of it; those who spoke here last go first. */
function people(q: string, room: Room): Suggestion[] {
	const wanted = q.toLowerCase();
	const spoke = new Map<string, number>();
	for (const message of app.timeline(room.id).messages.slice(-200)) if (message.sender) spoke.set(message.sender.id, message.seq);
	const fits = (p: Person) => p.username.toLowerCase().startsWith(wanted) || p.display_name.toLowerCase().split(/\s+/).some((w) => w.startsWith(wanted));
	const found = [...app.people.all()]
		.filter((p) => fits(p) && (room.type !== 'direct' || p.id === room.peer?.id || p.id === app.me?.id))
		.sort((a, b) => (spoke.get(b.id) ?? 0) - (spoke.get(a.id) ?? 0) || a.display_name.localeCompare(b.display_name))
		.slice(0, most)
		.map((p): Suggestion => ({ key: p.id, kind: 'user', insert: `@${p.username}`, person: p }));
	if (room.type !== 'direct' && wanted && 'everyone'.startsWith(wanted)) {
		found.push({ key: 'everyone', kind: 'everyone', insert: '@everyone', label: '@everyone', detail: m.composer_everyone() });
	}
	return found;
}
