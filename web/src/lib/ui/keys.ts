import { m } from '$lib/i18n';

/** Whether the device has ⌘ where others have Ctrl. */
export const isApple = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform);

/** The names of keys as they are printed on the keyboard: "Mod+K" is Ctrl and K, or ⌘ and K. */
export function keyNames(keys: string): string[] {
	// A "+" at the end is the key itself.
	return keys.split(/\+(?!$)/).map((key) => {
		switch (key) {
			case 'Mod':
				return isApple ? '⌘' : m.ui_key_ctrl();
			case 'Alt':
				return isApple ? '⌥' : 'Alt';
			case 'Shift':
				return isApple ? '⇧' : m.ui_key_shift();
			case 'Enter':
				return isApple ? '↩' : m.ui_key_enter();
			case 'Del':
				return isApple ? '⌦' : m.ui_key_delete();
			case 'Escape':
				return 'Esc';
			case 'ArrowUp':
				return '↑';
			case 'ArrowDown':
				return '↓';
			case 'ArrowLeft':
				return '←';
			case 'ArrowRight':
				return '→';
			default:
				return key;
		}
	});
}
