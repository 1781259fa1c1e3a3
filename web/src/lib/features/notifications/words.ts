// What a notification says, in the words of the interface.
import type { Notification } from '$lib/api/client';
import { m } from '$lib/i18n';
import { systemTitle } from '$lib/i18n/server';
import { app } from '$lib/state/app.svelte';

/** Its headline: who did what where. */
export function headline(n: Notification): string {
	const name = n.actor?.display_name ?? m.notifications_somebody();
	const room = n.room_id ? app.rooms.get(n.room_id) : undefined;
	const where = room && room.type !== 'direct' ? room.name : null;
	switch (n.type) {
		case 'mention':
			return where ? m.notifications_mention_in({ name, room: where }) : m.notifications_mention({ name });
		case 'reply':
			return where ? m.notifications_reply_in({ name, room: where }) : m.notifications_reply({ name });
		case 'room_invite':
			return n.content ? m.notifications_invite({ name, room: n.content }) : m.notifications_invite_any({ name });
		case 'direct_message':
			return m.notifications_direct({ name });
		case 'system':
			return n.title ? systemTitle(n.title) : m.notifications_system();
	}
}
