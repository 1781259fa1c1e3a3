// What the server says in English by itself, in the language of the interface. A text that is not known is shown as it is.
import { m } from './index';

const ends: [string, (input: { name: string }) => string][] = [
	[' joined the room', m.system_joined],
	[' left the room', m.system_left],
	[' was removed from the room', m.system_removed],
	[' was banned from the room', m.system_banned],
];

/** The text of a system message. */
export function systemText(content: string): string {
	const found = ends.find(([end]) => content.endsWith(end));
	return found ? found[1]({ name: content.slice(0, -found[0].length) }) : content;
}

const titles: Record<string, () => string> = {
	'You have received a warning': m.told_warned,
	'A warning was taken back': m.told_unwarned,
	'You have been muted': m.told_muted,
	'You can write again': m.told_unmuted,
	'You have been timed out': m.told_timed_out,
	'Your timeout was lifted': m.told_untimed_out,
	'You have been banned': m.told_banned,
	'Your ban was lifted': m.told_unbanned,
	'Permission level changed': m.told_rank,
};

/** The title of a notification from the server; the room stands after it. */
export function systemTitle(title: string): string {
	for (const [known, words] of Object.entries(titles)) {
		if (title === known) return words();
		if (title.startsWith(`${known} in `)) return `${words()}: ${title.slice(known.length + 4)}`;
	}
	return title;
}

const roles: Record<string, () => string> = { owner: m.role_owner, admin: m.role_admin, moderator: m.role_moderator, user: m.role_user };

/** What a role is for; those that every server has are described in the language of the interface. */
export function roleText(role: { id: string; system: boolean; description: string }): string {
	return (role.system && roles[role.id]?.()) || role.description;
}
