// Makes the emoji picker, in the person's language.
import type { Locale } from '$lib/i18n';
import english from 'emoji-picker-element-data/en/emojibase/data.json?url';
import german from 'emoji-picker-element-data/de/cldr/data.json?url';

export interface PickerOptions {
	locale: Locale;
	/** 0 is yellow, 1 to 5 from light to dark. */
	tone: number;
	/** The server's own emoji. */
	own: readonly { name: string; url: string }[];
	/** A character, or :name: of one of the server's own. */
	onpick: (emoji: string, tone: Tone) => void;
}

export type Tone = 0 | 1 | 2 | 3 | 4 | 5;

export async function makePicker({ locale, tone, own, onpick }: PickerOptions): Promise<{ element: HTMLElement; focus: () => void }> {
	const [{ Picker, Database }, { default: i18n }] = await Promise.all([
		import('emoji-picker-element'),
		locale === 'de' ? import('emoji-picker-element/i18n/de') : import('emoji-picker-element/i18n/en'),
	]);
	const dataSource = locale === 'de' ? german : english;
	// the tone chosen on another device
	const database = new Database({ locale, dataSource });
	if ((await database.getPreferredSkinTone()) !== tone) await database.setPreferredSkinTone(tone);
	const picker = new Picker({ locale, dataSource, i18n });
	picker.customEmoji = own.map(({ name, url }) => ({ name, shortcodes: [name], url }));
	let chosen = tone as Tone;
	picker.addEventListener('skin-tone-change', (event) => (chosen = event.detail.skinTone as Tone));
	picker.addEventListener('emoji-click', (event) => {
		const { unicode, name } = event.detail as { unicode?: string; name?: string };
		if (unicode) onpick(unicode, chosen);
		else if (name) onpick(`:${name}:`, chosen);
	});
	return { element: picker, focus: () => picker.shadowRoot?.querySelector<HTMLElement>('input')?.focus() };
}
