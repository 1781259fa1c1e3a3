// What few messages show is loaded with the first one that does; from then on it is there at once, so that rows keep their height.
import type EmbedCard from '../embeds/EmbedCard.svelte';
import type PollCard from '../polls/PollCard.svelte';

class Card<C> {
	#component = $state.raw<C | null>(null);
	#asked = false;
	#load: () => Promise<{ default: C }>;

	constructor(load: () => Promise<{ default: C }>) {
		this.#load = load;
	}

	/** The component, or null while it is on its way. */
	get component(): C | null {
		if (!this.#asked) {
			this.#asked = true;
			this.#load().then(
				(loaded) => (this.#component = loaded.default),
				() => (this.#asked = false), // without a connection; the next message tries again
			);
		}
		return this.#component;
	}
}

export const pollCard = new Card<typeof PollCard>(() => import('../polls/PollCard.svelte'));
export const embedCard = new Card<typeof EmbedCard>(() => import('../embeds/EmbedCard.svelte'));
