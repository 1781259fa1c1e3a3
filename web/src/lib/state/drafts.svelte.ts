// What was typed and not sent, per room (or thread): survives a reload.
const prefix = 'draft ';

export interface Draft {
	text: string;
	/** The message that is being replied to. */
	reply_to?: string;
}

export class Drafts {
	#known = $state.raw<ReadonlySet<string>>(new Set(stored()));

	/** Whether something is typed there. */
	has(place: string): boolean {
		return this.#known.has(place);
	}

	read(place: string): Draft {
		try {
			const draft = JSON.parse(localStorage.getItem(prefix + place) ?? 'null') as Draft | null;
			return typeof draft?.text === 'string' ? draft : { text: '' };
		} catch {
			return { text: '' };
		}
	}

	write(place: string, draft: Draft) {
		const empty = draft.text.trim() === '' && !draft.reply_to;
		try {
			if (empty) localStorage.removeItem(prefix + place);
			else localStorage.setItem(prefix + place, JSON.stringify(draft));
		} catch {
			return; // no room, or a private window
		}
		if (empty === this.#known.has(place)) {
			const next = new Set(this.#known);
			if (empty) next.delete(place);
			else next.add(place);
			this.#known = next;
		}
	}

	clear() {
		for (const place of stored()) localStorage.removeItem(prefix + place);
		this.#known = new Set();
	}
}

function stored(): string[] {
	try {
		return Object.keys(localStorage)
			.filter((k) => k.startsWith(prefix))
			.map((k) => k.slice(prefix.length));
	} catch {
		return [];
	}
}
