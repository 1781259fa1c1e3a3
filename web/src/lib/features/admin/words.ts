// Names in people's language for what the server calls by codes. What is not known, from a newer server, keeps its code.
import { m } from '$lib/i18n';

type Names = Record<string, () => string>;

/** What a role may allow, by its code. */
export const permissionNames: Names = {
	administrator: m.permission_administrator,
	manage_server: m.permission_manage_server,
	view_audit_log: m.permission_view_audit_log,
	manage_roles: m.permission_manage_roles,
	manage_rooms: m.permission_manage_rooms,
	manage_threads: m.permission_manage_threads,
	manage_users: m.permission_manage_users,
	manage_messages: m.permission_manage_messages,
	manage_emoji: m.permission_manage_emoji,
	review_reports: m.permission_review_reports,
	announce: m.permission_announce,
	create_rooms: m.permission_create_rooms,
	create_invites: m.permission_create_invites,
	mention_everyone: m.permission_mention_everyone,
};

/** What the audit log tells of, by its code: <noun>.<verb>. */
export const actionNames: Names = {
	'emoji.create': m.action_emoji_create,
	'emoji.delete': m.action_emoji_delete,
	'emoji.update': m.action_emoji_update,
	'invite.create': m.action_invite_create,
	'invite.revoke': m.action_invite_revoke,
	'member.invite': m.action_member_invite,
	'member.remove': m.action_member_remove,
	'member.rights': m.action_member_rights,
	'member.role': m.action_member_role,
	'message.delete': m.action_message_delete,
	'report.dismiss': m.action_report_dismiss,
	'report.resolve': m.action_report_resolve,
	'role.create': m.action_role_create,
	'role.delete': m.action_role_delete,
	'role.order': m.action_role_order,
	'role.update': m.action_role_update,
	'room.create': m.action_room_create,
	'room.delete': m.action_room_delete,
	'room.order': m.action_room_order,
	'room.permissions': m.action_room_permissions,
	'room.rights': m.action_room_rights,
	'room.transfer': m.action_room_transfer,
	'room.update': m.action_room_update,
	'self_role.add': m.action_self_role_add,
	'self_role.remove': m.action_self_role_remove,
	'server.announce': m.action_server_announce,
	'server.update': m.action_server_update,
	'user.ban': m.action_user_ban,
	'user.create': m.action_user_create,
	'user.delete': m.action_user_delete,
	'user.disable': m.action_user_disable,
	'user.enable': m.action_user_enable,
	'user.mute': m.action_user_mute,
	'user.password': m.action_user_password,
	'user.roles': m.action_user_roles,
	'user.timeout': m.action_user_timeout,
	'user.totp_disable': m.action_user_totp_disable,
	'user.totp_enable': m.action_user_totp_enable,
	'user.totp_reset': m.action_user_totp_reset,
	'user.unban': m.action_user_unban,
	'user.unmute': m.action_user_unmute,
	'user.untimeout': m.action_user_untimeout,
	'user.unwarn': m.action_user_unwarn,
	'user.warn': m.action_user_warn,
	'webhook.create': m.action_webhook_create,
	'webhook.delete': m.action_webhook_delete,
	'webhook.regenerate': m.action_webhook_regenerate,
	'webhook.update': m.action_webhook_update,
};

const targets: Names = {
	emoji: m.target_emoji,
	invite: m.target_invite,
	message: m.target_message,
	role: m.target_role,
	room: m.target_room,
	server: m.target_server,
	user: m.target_user,
	webhook: m.target_webhook,
};

const roles: Names = { owner: m.role_name_owner, admin: m.role_name_admin, moderator: m.role_name_moderator, user: m.role_name_user };

export const permissionName = (code: string): string => permissionNames[code]?.() ?? code;
export const actionName = (code: string): string => actionNames[code]?.() ?? code;
export const targetName = (type: string): string => targets[type]?.() ?? type;
/** Roles that every server has bear names of the interface, unless they were given others. */
export const roleName = (role: { id: string; name: string; system: boolean }): string => (role.system && role.name === role.id && roles[role.id]?.()) || role.name;
