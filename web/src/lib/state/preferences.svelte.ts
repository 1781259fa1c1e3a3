// What the person chose for this interface: kept with the account, and on this device for the first moments of a page.
import { call } from '$lib/api/client';
import { setHours } from '$lib/i18n/time';

export interface Preferences {
	theme: 'system' | 'light' | 'dark' | 'contrast';
	density: 'cosy' | 'compact';
	/** Enter sends; else Ctrl+Enter does and Enter makes a line. */
	enter_sends: boolean;
	sounds: boolean;
	desktop_notifications: boolean;
	/** Shows the person's typing to others. */
	send_typing: boolean;
	reduced_motion: boolean;
	hour12: 'system' | 'yes' | 'no';
	/** Emoji that were used last, newest first. */
	recent_emoji: string[];
	skin_tone: 0 | 1 | 2 | 3 | 4 | 5;
	members_open: boolean;
}

export const defaults: Preferences = {
	theme: 'system',
	density: 'cosy',
	enter_sends: true,
	sounds: true,
	desktop_notifications: false,
	send_typing: true,
	reduced_motion: false,
	hour12: 'system',
	recent_emoji: [],
	skin_tone: 0,
	members_open: true,
};

const key = 'preferences';
const section = 'web'; // of the account's settings, which other clients and the server's own parts share

export class PreferenceState {
	#own = $state.raw<Preferences>({ ...defaults, ...read() });
	#others: Record<string, unknown> = {};
	#save: ReturnType<typeof setTimeout> | undefined;

	get current(): Preferences {
		return this.#own;
	}

	/** The account's settings arrived. */
	adopt(settings: unknown) {
		const all = (settings && typeof settings === 'object' ? settings : {}) as Record<string, unknown>;
		this.#others = all;
		if (this.#save) return; // a change of this device is on its way
		const mine = all[section];
		if (mine && typeof mine === 'object') this.#set({ ...defaults, ...pick(mine as Record<string, unknown>) });
	}

	/** Parts of the account's settings that are not this interface's, such as do-not-disturb. */
	get others(): Readonly<Record<string, unknown>> {
		return this.#others;
	}

	change(part: Partial<Preferences>) {
		this.#set({ ...this.#own, ...part });
		clearTimeout(this.#save);
		this.#save = setTimeout(() => void this.flush(), 800);
	}

	/** Stores a part of the settings that is not this interface's. */
	async store(name: string, value: unknown) {
		this.#others = { ...this.#others, [name]: value };
		await this.flush();
	}

	async flush() {
		clearTimeout(this.#save);
		this.#save = undefined;
		await call('PATCH /users/me', { body: { settings: { ...this.#others, [section]: this.#own } } });
	}

	#set(next: Preferences) {
		this.#own = next;
		try {
			localStorage.setItem(key, JSON.stringify(next));
		} catch {
			// a private window: the account's copy is enough
		}
		show(next);
	}
}

/** Lets the page look as chosen. */
export function show(p: Preferences) {
	const html = document.documentElement;
	if (p.theme === 'system') html.removeAttribute('data-theme');
	else html.dataset.theme = p.theme;
	html.dataset.density = p.density;
	html.toggleAttribute('data-reduced-motion', p.reduced_motion);
	setHours(p.hour12);
}

function pick(from: Record<string, unknown>): Partial<Preferences> {
	const out: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(defaults)) if (typeof from[name] === typeof value) out[name] = from[name];
	return out as Partial<Preferences>;
}

function read(): Partial<Preferences> {
	try {
		return pick(JSON.parse(localStorage.getItem(key) ?? '{}'));
	} catch {
		return {};
	}
}
