// Who a message shows as its author: a person, or a webhook, plugin or the server itself.
import type { Message } from '$lib/api/client';
import { m } from '$lib/i18n';

export interface Face {
	name: string;
	/** Of this server alone. */
	picture: string | null;
	/** What the colour is chosen by; null for somebody who is gone. */
	colour: string | null;
}

export function faceOf(message: Message): Face {
	const { sender, author } = message;
	if (sender) return { name: sender.display_name, picture: sender.avatar_url, colour: sender.id };
	if (author) return { name: author.name, picture: ownPath(author.avatar?.image), colour: author.id || author.name };
	return { name: m.timeline_gone(), picture: null, colour: null };
}

/** A picture that this server keeps; nothing else is ever loaded. */
export const ownPath = (path: string | null | undefined): string | null => (path && /^\/(?![/\\])/.test(path) ? path : null);

export const authorKinds = { webhook: m.author_webhook, plugin: m.author_plugin, server: m.author_server };
