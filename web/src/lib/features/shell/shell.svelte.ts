import { roomPath, router } from '$lib/router.svelte';
import { app } from '$lib/state/app.svelte';

// What lies over the whole interface: one dialog at a time, and the keys that work everywhere.
export type ShellDialog = 'switcher' | 'create' | 'direct' | 'shortcuts';

class Shell {
	dialog = $state<ShellDialog | null>(null);

	show(dialog: ShellDialog, open: boolean) {
		if (open) this.dialog = dialog;
		else if (this.dialog === dialog) this.dialog = null;
	}

	/** Handles a key wherever the focus is. */
	key(event: KeyboardEvent) {
		if (event.defaultPrevented || event.isComposing) return;
		const command = event.ctrlKey || event.metaKey;
		if (command && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'k') {
			this.dialog = this.dialog === 'switcher' ? null : 'switcher';
			event.preventDefault();
		} else if (event.altKey && !command && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
			step(event.key === 'ArrowDown' ? 1 : -1, event.shiftKey);
			event.preventDefault();
		} else if (event.key === '?' && !command && !event.altKey && !typing(event.target)) {
			this.dialog = 'shortcuts';
			event.preventDefault();
		}
	}
}

/** Opens the next room of the list, in its order, or the next with something unread. */
function step(by: 1 | -1, unread: boolean) {
	const all = [...app.rooms.favourites, ...app.rooms.shared, ...app.rooms.direct];
	const route = router.route;
	const at = all.findIndex((r) => route.page === 'room' && r.id === route.room);
	for (let i = 1; i <= all.length; i++) {
		const room = all[(at + by * i + all.length * 2) % all.length]!;
		if (unread && (!room.me?.unread_count || room.me.notify === 'muted')) continue;
		router.go(roomPath(room.id));
		return;
	}
}

/** Whether a key at this element writes a text. */
export function typing(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || !!target.closest('[role="combobox"]'));
}

export const shell = new Shell();
