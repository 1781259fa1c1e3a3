const letter = /\p{L}/u;
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Samaritan}\p{Script=Mandaic}\p{Script=Adlam}\p{Script=Hanifi_Rohingya}]/u;

/**
 * The direction of a text by its first letter, as dir="auto" has it; null if it has no letter. Said outright because browsers
 * take time with the square of the length for dir="auto" on a text of many lines.
 */
export function directionOf(text: string): 'ltr' | 'rtl' | null {
	const first = letter.exec(text)?.[0];
	if (first === undefined) return null;
	return rightToLeft.test(first) ? 'rtl' : 'ltr';
}
