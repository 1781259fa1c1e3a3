import { describe, expect, it } from 'vitest';
import { systemText, systemTitle } from './server';

describe('what the server says', () => {
	it.each([
		['a join', 'Ada joined the room', 'Ada joined the room'],
		['a name that ends like a text', 'left the room left the room', 'left the room left the room'],
		['what is not known', 'The moon is full', 'The moon is full'],
	])('system message: %s', (_, given, said) => expect(systemText(given)).toBe(said));

	it.each([
		['on the server', 'You have been muted', 'You have been muted'],
		['in a room', 'You have been muted in Engines', 'You have been muted: Engines'],
		['an announcement', 'Works tonight', 'Works tonight'],
	])('title: %s', (_, given, said) => expect(systemTitle(given)).toBe(said));
});
