import { announce } from './live.svelte';

export interface ToastOptions {
	text: string;
	kind?: 'info' | 'success' | 'warning' | 'error';
	/** A button, such as "Undo". It closes the toast. */
	action?: { label: string; run: () => void };
	/** Milliseconds; 0 stays until dismissed. Unless told: 5 s, 9 s with an action or an error. */
	duration?: number;
}

export interface ToastEntry extends ToastOptions {
	readonly id: number;
	readonly kind: 'info' | 'success' | 'warning' | 'error';
	readonly duration: number;
}

const most = 4;

/** Short messages at the edge of the page. They never take the focus; Toasts.svelte shows them. */
export class ToastQueue {
	#entries = $state.raw<readonly ToastEntry[]>([]);
	#timers = new Map<number, ReturnType<typeof setTimeout>>();
	#next = 1;

	get entries(): readonly ToastEntry[] {
		return this.#entries;
	}

	/** Shows a toast and has it read aloud. The same text again restarts the one there is. Returns its id. */
	show({ text, kind = 'info', action, duration = action || kind === 'error' ? 9000 : 5000 }: ToastOptions): number {
		const same = this.#entries.find((entry) => entry.text === text && entry.kind === kind);
		if (same) this.dismiss(same.id);
		const entry: ToastEntry = { id: this.#next++, text, kind, action, duration };
		for (const old of this.#entries.slice(0, Math.max(0, this.#entries.length - most + 1))) this.dismiss(old.id);
		this.#entries = [...this.#entries, entry];
		this.#start(entry);
		announce(text, kind === 'error' ? 'assertive' : 'polite');
		return entry.id;
	}

	dismiss(id: number): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.delete(id);
		this.#entries = this.#entries.filter((entry) => entry.id !== id);
	}

	/** No toast goes away while somebody points at them or has the focus in them. */
	pause(): void {
		for (const timer of this.#timers.values()) clearTimeout(timer);
		this.#timers.clear();
	}

	resume(): void {
		for (const entry of this.#entries) this.#start(entry);
	}

	#start(entry: ToastEntry) {
		if (!entry.duration) return;
		clearTimeout(this.#timers.get(entry.id));
		this.#timers.set(
			entry.id,
			setTimeout(() => this.dismiss(entry.id), entry.duration),
		);
	}
}

export const toast = new ToastQueue();
