// One emoji as Unicode writes it (UTS #51, ED-17): a keycap, a flag, or pictures joined into one. A picture that is drawn as
// text by default counts only with its variation selector or a skin tone.
const element = String.raw`(?:(?!\p{Regional_Indicator})\p{Emoji_Presentation}(?:\ufe0f|\p{Emoji_Modifier})?|\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier}))(?:[\u{e0020}-\u{e007e}]+\u{e007f})?`;
const part = String.raw`\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?`;
const joined = String.raw`(?:\u200d${part})*`;
const one = String.raw`(?:[0-9#*]\ufe0f\u20e3|\p{Regional_Indicator}{2}|(?:${part}\u200d${part}|${element})${joined})`;

const oneEmoji = new RegExp(`^${one}`, 'u');
const customEmoji = /^:([A-Za-z0-9_+-]{1,32}):/;

const mostBig = 10;
const longestBig = 640; // ten of the longest emoji there are, and the blanks between

/** Whether a text is one to ten emoji and nothing else. known tells which :names: are emoji. */
export function isBigEmoji(text: string, known: (name: string) => boolean): boolean {
	let rest = text.trim();
	if (rest === '' || rest.length > longestBig) return false;
	for (let n = 0; rest !== ''; n++) {
		if (n === mostBig) return false;
		const custom = customEmoji.exec(rest);
		const found = custom !== null && known(custom[1]!) ? custom[0] : oneEmoji.exec(rest)?.[0];
		if (found === undefined) return false;
		rest = rest.slice(found.length).trimStart();
	}
	return true;
}
