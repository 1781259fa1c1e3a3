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
		} else if (event.key === '?' && !command && !event.altKey && !typing(event.target)) {
			this.dialog = 'shortcuts';
			event.preventDefault();
		}
	}
}

/** Whether a key at this element writes a text. */
export function typing(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || !!target.closest('[role="combobox"]'));
}

export const shell = new Shell();
