/** The names that mean everybody in a room. */
export const everyoneWords: readonly string[] = ['everyone', 'room', 'here'];

const maxMentions = 100;

// The patterns are those of the server (internal/core/mentions.go), so that what looks like a mention is one.
const mention = /(?:^|[^\p{L}\p{N}_@./])@([A-Za-z0-9_]{1,64})/gu;
const code = /```[^]*?(?:```|$)|`[^`\n]*`/g;

/** The names in a text that the server takes for mentions, in lower case. Who they are, and whether they are in the room, is not asked. */
export function mentionedNames(text: string): Set<string> {
	const names = new Set<string>();
	if (!text.includes('@')) return names;
	for (const [, name] of text.replace(code, ' ').matchAll(mention)) {
		if (names.size < maxMentions + everyoneWords.length) names.add(name!.toLowerCase());
	}
	return names;
}
