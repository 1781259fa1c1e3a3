export interface ListCursorOptions<T> {
	/** The id of the list element; the ids of its options are made from it. Unique on the page. */
	id: string;
	/** The options now; read again at every key. */
	items: () => readonly T[];
	pick: (item: T) => void;
	/** Escape. Without it the key is left alone. */
	cancel?: () => void;
	/** Tab picks too, as in completions. */
	tabPicks?: boolean;
}

/**
 * The highlighted option of a list that is driven from a field which keeps the focus (aria-activedescendant). The field gives it its keys and
 * takes listId and activeId; OptionList shows the options.
 */
export class ListCursor<T> {
	#options: ListCursorOptions<T>;
	#at = $state(0);

	constructor(options: ListCursorOptions<T>) {
		this.#options = options;
	}

	get listId(): string {
		return this.#options.id;
	}

	get items(): readonly T[] {
		return this.#options.items();
	}

	/** The place of the highlighted option, -1 when there is none. */
	get index(): number {
		return Math.min(this.#at, this.items.length - 1);
	}

	/** For aria-activedescendant of the field. */
	get activeId(): string | undefined {
		return this.index < 0 ? undefined : this.optionId(this.index);
	}

	optionId(index: number): string {
		return `${this.#options.id}-${index}`;
	}

	/** Back to the first option: call it when what is asked for has changed. */
	reset(): void {
		this.#at = 0;
	}

	moveTo(index: number): void {
		this.#at = index;
	}

	pick(index = this.index): void {
		const item = this.items[index];
		if (item !== undefined) this.#options.pick(item);
	}

	/** Handles the keys of a list. True when the key was one, and the field must not act on it. */
	keydown(event: KeyboardEvent): boolean {
		if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return false;
		const { length } = this.items;
		switch (event.key) {
			case 'ArrowDown':
				if (!length) return false;
				this.#at = (this.index + 1) % length;
				break;
			case 'ArrowUp':
				if (!length) return false;
				this.#at = (this.index - 1 + length) % length;
				break;
			case 'PageDown':
				if (!length) return false;
				this.#at = Math.min(this.index + 8, length - 1);
				break;
			case 'PageUp':
				if (!length) return false;
				this.#at = Math.max(this.index - 8, 0);
				break;
			case 'Enter':
			case 'Tab':
				if (!length || event.shiftKey || (event.key === 'Tab' && !this.#options.tabPicks)) return false;
				this.pick();
				break;
			case 'Escape':
				if (!this.#options.cancel) return false;
				this.#options.cancel();
				break;
			default:
				return false;
		}
		event.preventDefault();
		event.stopPropagation();
		return true;
	}
}
