/** A list that comes in pages: loads the first anew, and more at the end. */
export class Paged<T> {
	list = $state.raw<readonly T[]>([]);
	loading = $state(false);
	loaded = $state(false);
	error = $state.raw<unknown>(null);
	#next = $state<string | null>(null);
	#asked = 0;
	#fetch: (cursor: string | undefined) => Promise<{ items: readonly T[]; next: string | null }>;

	constructor(fetch: (cursor: string | undefined) => Promise<{ items: readonly T[]; next: string | null }>) {
		this.#fetch = fetch;
	}

	get hasMore(): boolean {
		return this.#next !== null;
	}

	async load(more = false) {
		const mine = ++this.#asked;
		this.loading = true;
		this.error = null;
		try {
			const page = await this.#fetch(more ? (this.#next ?? undefined) : undefined);
			if (mine !== this.#asked) return;
			this.list = more ? [...this.list, ...page.items] : page.items;
			this.#next = page.next;
			this.loaded = true;
		} catch (err) {
			if (mine === this.#asked) this.error = err;
		} finally {
			if (mine === this.#asked) this.loading = false;
		}
	}

	change(fn: (list: readonly T[]) => readonly T[]) {
		this.list = fn(this.list);
	}
}
