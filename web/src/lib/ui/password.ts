const habits = /password|passwort|qwert|asdf|letmein|welcome|admin|abc|123|000|111/i;

/**
 * A rough guess of how hard a password is to guess, from 1 (weak) to 4 (strong). Length counts most; kinds of
 * characters widen it, repetitions and well-known words take away. It advises; the server decides.
 */
export function passwordStrength(password: string): 1 | 2 | 3 | 4 {
	const characters = Array.from(password);
	const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
	const distinct = new Set(characters).size;
	let bits = Math.min(characters.length, distinct * 1.6) * (2.4 + kinds * 0.65);
	if (habits.test(password)) bits -= 18;
	return bits < 30 ? 1 : bits < 45 ? 2 : bits < 60 ? 3 : 4;
}
