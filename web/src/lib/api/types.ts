// Made by tools/openapi from the API's reference: change that, not this.
export interface AccountLink {
	/** true: the other one is deleted, as nothing was ever done with it. false: it is disabled, and what it wrote stays under its name. */
	deletes: boolean;
	/** false: nothing has happened yet. */
	done: boolean;
	/** The other one. */
	gone: UserSummary;
	/** The account that is left, with all logins of both. */
	kept: UserSummary;
	/** The logins that move to the account that is left. */
	moved: LoginWay[];
}
export interface AdminUser {
	/** Path or URL of the picture; null for none. */
	avatar_url: string | null;
	bio: string;
	bot: boolean;
	created_at: string;
	/** Null while the account is usable. */
	disabled_at: string | null;
	display_name: string;
	id: string;
	/** Null if the person never connected. */
	last_seen_at: string | null;
	/** The number that clients with integer ids show. */
	number: number;
	/** Standing on the server. */
	rank: "member" | "moderator" | "admin" | "owner";
	/** Ids of the server roles, in the person's own order: the first that a room's list names decides. */
	roles: string[];
	status: "online" | "away" | "busy" | "offline";
	status_message: string;
	username: string;
}
export interface AdminUserPage {
	/** Null at the end. */
	next_cursor: string | null;
	users: AdminUser[];
}
export interface AnnounceAnswer {
	recipients: number;
}
export interface AnnounceRequest {
	/** info if it is not given. */
	severity?: "info" | "success" | "warning" | "danger" | "system";
	text: string;
	title: string;
}
export interface Attachment {
	created_at: string;
	filename: string;
	height: number | null;
	id: string;
	/** By content. */
	mime_type: string;
	/** What the malware scanner said. */
	scan: "clean" | "pending" | "infected";
	/** Bytes. */
	size: number;
	thumbnail_url: string | null;
	url: string;
	/** Pixels; null if it is not an image. */
	width: number | null;
}
export interface AuditEntry {
	/** <noun>.<verb> */
	action: string;
	/** Null for the operator and the server. */
	actor: UserSummary | null;
	at: string;
	/** An object, or null; never message content. */
	details: unknown;
	id: string;
	room_id: string | null;
	/** The person it was done to; null for other things and for accounts that are gone. */
	target: UserSummary | null;
	target_id: string;
	target_type: string;
}
export interface AuditPage {
	/** Newest first. */
	entries: AuditEntry[];
	/** Null at the end. */
	next_cursor: string | null;
}
export interface Author {
	avatar: Picture | null;
	/** Of the webhook or plugin; what a service calls itself may stand here. */
	id: string;
	kind: "webhook" | "plugin" | "server";
	name: string;
}
export interface BanPage {
	bans: Sanction[];
	/** Null at the end. */
	next_cursor: string | null;
}
export interface BanRequest {
	reason?: string;
	until?: string | null;
	user_id: string;
}
export interface ChangeList {
	/** The room's counter. */
	last_seq: number;
	/** Ascending by change_seq, one row for each message. */
	messages: Message[];
	/** There is more: ask again since the last message's change_seq. */
	truncated: boolean;
}
export interface Command {
	/** Those that may not. */
	denied_roles: string[];
	description: string;
	/** The bot asks that the answer be shown to the caller alone. */
	ephemeral: boolean;
	/** Without the slash. */
	name: string;
	/** Its arguments, in the order in which they are shown. */
	options: CommandOption[];
	/** The plugin that answers. */
	plugin: string | null;
	/** Names or ids of the server roles that may call it, any of them; empty: everybody. */
	roles: string[];
	/** Whether the caller's roles may call it; only in lists. */
	usable?: boolean;
	/** The bot that answers; null for commands of the server and its plugins. */
	user: UserSummary | null;
}
export interface CommandList {
	commands: Command[];
}
export interface CommandOption {
	/** Of an enum. */
	choices?: string[];
	description: string;
	name: string;
	required: boolean;
	type: "str" | "int" | "float" | "bool" | "enum";
}
export interface CommandRequest {
	/** An object with an argument for each option. */
	args?: unknown;
	command: string;
}
export interface CommandResult {
	/** The call was given to a bot. */
	delivered: boolean;
	/** The answer; null if a bot was asked, which answers by itself, or if there is nothing to say. */
	message: Message | null;
	/** What is said to the caller alone; it is not kept. */
	private: string | null;
}
export interface CommandUse {
	name: string;
	/** Who used it. */
	user_id: string;
}
export interface DayStats {
	/** Of attachments. */
	bytes: number;
	day: string;
	messages: number;
	new_users: number;
	senders: number;
}
export interface EditRequest {
	content: string;
}
export interface Embed {
	author: EmbedAuthor | null;
	/** 0xRRGGBB as a number. */
	color: number | null;
	/** Markdown. */
	description: string;
	fields: EmbedField[];
	footer: EmbedFooter | null;
	image: Picture | null;
	thumbnail: Picture | null;
	timestamp: string | null;
	title: string;
	type: "rich" | "poll" | "link" | "image" | "video" | "article";
	/** Where the title leads; http or https. */
	url: string | null;
}
export interface EmbedAuthor {
	icon: Picture | null;
	name: string;
	url: string | null;
}
export interface EmbedField {
	/** Stands beside others that are inline, too. */
	inline: boolean;
	name: string;
	/** Markdown. */
	value: string;
}
export interface EmbedFooter {
	icon: Picture | null;
	text: string;
}
export interface Emoji {
	animated: boolean;
	created_at: string;
	/** Null if the operator made it, or the account is gone. */
	created_by: UserSummary | null;
	height: number;
	id: string;
	/** Written :name: in texts and reactions; unique without regard to case. */
	name: string;
	/** Path of the picture; another one whenever the picture is. */
	url: string;
	/** In pixels. */
	width: number;
}
export interface EmojiList {
	emoji: Emoji[];
}
export interface EmojiRequest {
	/** 1 to 64 of A-Z, a-z, 0-9 and _. */
	name?: string | null;
}
export interface FieldError {
	field: string;
	message: string;
}
export interface HandleReportRequest {
	delete_message?: boolean;
	note?: string;
	state: "resolved" | "dismissed";
}
export interface Highlight {
	end: number;
	start: number;
}
export interface Hit {
	/** Where the terms stand in the content. */
	highlights: Highlight[];
	message: Message;
	/** The message after it. */
	next: Message | null;
	/** The message before it in the room. */
	previous: Message | null;
	room: Room;
}
export interface ICEServer {
	credential?: string;
	urls: string[];
	username?: string;
}
export interface Invite {
	code: string;
	created_at: string;
	created_by: UserSummary | null;
	/** Null: never. */
	expires_at: string | null;
	/** Null: no limit. */
	max_uses: number | null;
	revoked: boolean;
	/** Null for an invite to register. */
	room: RoomSummary | null;
	uses: number;
}
export interface InviteList {
	invites: Invite[];
}
export interface LiftRequest {
	kind: "ban" | "mute" | "timeout";
	reason?: string;
	/** Not given: the whole server. */
	room_id?: string;
	user_id: string;
}
export interface Limits {
	/** Of one file; null: no limit. */
	attachment_bytes: number | null;
	/** By ending: the default is these, and operators and administrators may take sound and films too (mp4, mov, webm, ogv, mp3, m4a, ogg, weba, wav, flac), or less. */
	attachment_types: string[];
	/** Null: no limit. */
	attachments_per_message: number | null;
	/** Of a request, uploads aside. */
	body_bytes: number;
	content_characters: number;
	description_characters: number;
	display_name_characters: number;
	/** Age up to which a message can be edited; null: always. */
	edit_window_seconds: number | null;
	/** Null: no limit. */
	messages_per_10s: number | null;
	/** Different emoji. */
	reactions_per_message: number;
	room_name_characters: number;
	status_message_characters: number;
}
export interface Link {
	description: string | null;
	/** Path of the page's picture as this server keeps it; null for none. */
	image: string | null;
	image_height: number | null;
	/** In pixels. */
	image_width: number | null;
	title: string | null;
	url: string;
}
export interface LinkCode {
	/** Eight characters; good once. */
	code: string;
	expires_at: string;
}
export interface LinkRequest {
	/** As the other account showed it. */
	code: string;
	/** false: only say what would happen. The code stays good. */
	confirm?: boolean;
	/** The caller's own, if the account has one. */
	password?: string;
}
export interface LoginAnswer {
	expires_at: string;
	/** The room that the invite let the new account into. */
	room_id: string | null;
	/** Send it as Authorization: Bearer. */
	token: string;
	user: Self;
}
export interface LoginRequest {
	password: string;
	/** Code of the second factor, or a recovery code; for accounts that have one. */
	totp?: string;
	username: string;
}
export interface LoginWay {
	/** For DELETE /auth/identities/{id}. */
	id: string;
	/** What the person is called there. */
	name: string;
	/** password, rotur (an account of the OriginChats network), or another. */
	provider: string;
	/** Whether it can be taken away: not a password, nor the only way into the account. */
	removable: boolean;
}
export interface LoginWayList {
	identities: LoginWay[];
}
export interface Me {
	favourite: boolean;
	joined_at: string;
	last_read_seq: number;
	mention_count: number;
	/** A moderator muted the caller here. */
	muted: boolean;
	/** End of the mute; null without one, or if it has no end. */
	muted_until: string | null;
	notify: "all" | "mentions" | "muted";
	role: "owner" | "admin" | "member";
	/** When the caller may write again in slow mode; null: now. */
	slow_mode_until: string | null;
	unread_count: number;
}
export interface MeasureRequest {
	reason?: string;
	/** Null or not given: until lifted. */
	until?: string | null;
}
export interface Member {
	joined_at: string;
	muted: boolean;
	/** End of the mute; null without one, or if it has no end. */
	muted_until: string | null;
	role: "owner" | "admin" | "member";
	user: User;
}
export interface MemberPage {
	members: Member[];
	/** Null at the end. */
	next_cursor: string | null;
}
export interface Message {
	attachments: Attachment[];
	author?: Author;
	/** The latest change to it. */
	change_seq: number;
	command?: CommandUse;
	/** Raw markdown as typed. */
	content: string;
	created_at: string;
	deleted: boolean;
	edited_at: string | null;
	/** At most 10. */
	embeds?: Embed[];
	/** Rendered and sanitised; only with render=html. */
	html?: string;
	id: string;
	links: Link[];
	/** Ids of the people mentioned. */
	mentions: string[];
	/** What the sending client gave; only in the answer to it and in message_created. */
	nonce?: string;
	/** The message it replies to. */
	parent_id: string | null;
	pinned: boolean;
	poll?: Poll;
	/** In the order of the first use of each emoji. */
	reactions: Reaction[];
	room_id: string;
	/** Null for system messages and for accounts that are gone. */
	sender: UserSummary | null;
	/** Its place in the room, for ever. */
	seq: number;
	/** Null for a message without replies. */
	thread: Thread | null;
	/** thread: the first message of a forum's thread, its content is the name. */
	type: "text" | "image" | "file" | "system" | "thread";
}
export interface MessageList {
	messages: Message[];
}
export interface MessagePage {
	has_after: boolean;
	has_before: boolean;
	/** Oldest first. */
	messages: Message[];
}
export interface Mute {
	reason: string;
	/** Null: until it is lifted. */
	until: string | null;
}
export interface NewInviteRequest {
	/** Seconds; not given: the server's default of 7 days; 0: never. */
	expires_in?: number | null;
	/** Null or not given: no limit; 1 for a single use. */
	max_uses?: number | null;
}
export interface NewOptionObject {
	emoji?: string;
	/** 1 to 50 characters, unique; not given: its place, from 0. */
	id?: string;
	text: string;
}
export interface NewPasswordRequest {
	password: string;
}
export interface NewPollRequest {
	/** In the future; null or not given: never. */
	expires_at?: string | null;
	multiple?: boolean;
	/** 2 to 10. */
	options: NewOptionObject[];
	question: string;
}
export interface NewRoomRequest {
	description?: string;
	encrypted?: boolean;
	/** text if it is not given. */
	form?: "text" | "voice" | "forum" | "separator";
	name: string;
	/** A room of the server, placed last among them. Needs manage_rooms; type is public then. */
	official?: boolean;
	/** Which server roles may do what in it, set together with it. */
	permissions?: RoomPermissions;
	/** Place in lists that an operator arranges. */
	position?: number;
	/** 2 to 64 of a-z, 0-9, _ and -. Public rooms get one made from the name at need. */
	slug?: string;
	topic?: string;
	type: "public" | "private";
}
export interface NewThreadRequest {
	name: string;
}
export interface NewUserRequest {
	display_name?: string;
	password: string;
	/** member if it is not given. */
	rank?: "member" | "moderator" | "admin" | "owner";
	username: string;
}
export interface NewWebhookRequest {
	/** http or https; empty for none. */
	avatar_url?: string;
	name: string;
	room_id: string;
}
export interface Notification {
	/** Whose doing it is; null for the server's own. */
	actor: UserSummary | null;
	/** A short plain text. */
	content: string;
	created_at: string;
	expires_at: string | null;
	id: string;
	/** room_invite: the code to accept. */
	invite_code: string | null;
	message_id: string | null;
	read_at: string | null;
	room_id: string | null;
	severity: "info" | "success" | "warning" | "danger" | "system";
	/** Set for system notifications. */
	title: string;
	type: "mention" | "reply" | "room_invite" | "direct_message" | "system";
}
export interface NotificationPage {
	/** Null at the end. */
	next_cursor: string | null;
	/** Newest first. */
	notifications: Notification[];
	unread: number;
}
export interface OptionalPasswordRequest {
	/** The caller's own, if the account has one. */
	password?: string;
}
export interface OwnPasswordRequest {
	/** The caller's own, to make sure. */
	password: string;
}
export interface Participant {
	deafened: boolean;
	joined_at: string;
	/** How to reach their audio: relayed by WebRTC with signals through voice_signal; outside: on another kind of client, not from here. */
	media: "relayed" | "outside";
	muted: boolean;
	/** Only for participants of the same room. */
	peer_id?: string;
	user: UserSummary | null;
}
export interface PasswordRequest {
	current_password: string;
	/** 8 to 200 characters. */
	new_password: string;
}
export interface Picture {
	height: number | null;
	/** Path of the picture as this server keeps it; null until it was fetched, or if it cannot be. */
	image: string | null;
	/** Where it is; http or https. */
	url: string;
	/** In pixels. */
	width: number | null;
}
export interface Plugin {
	/** Comes with the server. */
	bundled: boolean;
	/** Slash commands that it answers now. */
	commands: string[];
	/** An object: the settings as they are before anybody changes them. */
	defaults: unknown;
	description: string;
	/** Events that it did not hear of because it was too slow. */
	dropped: number;
	enabled: boolean;
	/** That it hears of. */
	events: string[];
	/** What went wrong. */
	faults: number;
	/** That it may reach by HTTPS, if the operator allows them too. */
	hosts: string[];
	/** Name of its directory. */
	id: string;
	last_fault: PluginFault | null;
	/** Null: never. */
	last_run_at: string | null;
	name: string;
	/** What it may do. */
	permissions: string[];
	/** Settings that the operator has set in a file; they can only be changed there. */
	read_only: string[];
	/** How long its code ran. */
	run_ms: number;
	/** How often it was given something, since the start. */
	runs: number;
	/** An object: the settings as they hold. */
	settings: unknown;
	/** faulty: it does not load, or was stopped because of its faults; until it is loaded anew. */
	state: "off" | "starting" | "running" | "faulty";
	version: string;
}
export interface PluginFault {
	at: string;
	kind: "exception" | "time" | "memory" | "crash" | "load";
	text: string;
	/** What it was handling. */
	where: string;
}
export interface PluginList {
	plugins: Plugin[];
}
export interface PluginSettingsRequest {
	/** An object of the settings to change; a null brings a default back. What is not given stays. */
	settings: unknown;
}
export interface Poll {
	created_by: string | null;
	/** When it was ended by hand; null: it was not. From then on who voted for what is for everyone to see. */
	ended_at: string | null;
	/** From then on no votes are taken; null: never. */
	expires_at: string | null;
	/** People may vote for several options. */
	multiple: boolean;
	options: PollOption[];
	question: string;
	/** People who voted. */
	voters: number;
	/** Of all options. */
	votes: number;
}
export interface PollOption {
	emoji: string | null;
	/** Unique within the poll. */
	id: string;
	/** The caller voted for it. */
	me: boolean;
	text: string;
	votes: number;
}
export interface PollResults {
	poll: Poll;
	/** By option; empty until the poll was ended. */
	voters: PollVoters[];
}
export interface PollVoters {
	/** Of the option. */
	id: string;
	/** The first 100 of them, in the order they voted. */
	users: UserSummary[];
}
export interface PreferencesRequest {
	favourite?: boolean | null;
	notify?: "all" | "mentions" | "muted" | null;
}
export interface Problem {
	/** Stable; see the list of error codes. */
	code: string;
	/** What is wrong and what to do, fit to be shown to a person. */
	detail: string;
	/** The request's fields that are at fault. */
	errors?: FieldError[];
	/** Names the fault in the server's log. */
	incident?: string;
	status: number;
	/** The status in words. */
	title: string;
	/** Always about:blank: the code says which problem it is. */
	type: string;
}
export interface ProfileRequest {
	/** Empty removes the picture; PUT /users/me/avatar sets one. */
	avatar_url?: string | null;
	bio?: string | null;
	display_name?: string | null;
	/** Empty removes it. */
	email?: string | null;
	/** A JSON object of at most 16 KiB, kept for the person's clients. The server heeds dnd {from: 22:00, to: 07:00, time_zone, days: [0 (Sunday) to 6]}, hours without pushes, and push {mentions, replies, direct, invites, system}: false for what is not to be pushed. */
	settings?: unknown;
	/** What others see while connected; offline hides. */
	status?: "online" | "away" | "busy" | "offline" | null;
	status_message?: string | null;
}
export interface PushEndpoint {
	endpoint: string;
}
export interface PushKey {
	/** The server's public VAPID key, base64url: what a browser wants as applicationServerKey. */
	key: string;
}
export interface PushKeys {
	auth: string;
	p256dh: string;
}
export interface PushList {
	subscriptions: PushSubscription[];
}
export interface PushRequest {
	endpoint: string;
	keys: PushKeys;
}
export interface PushSubscription {
	created_at: string;
	/** It belongs to the login of this request. */
	current: boolean;
	endpoint: string;
}
export interface PutRoleRequest {
	category?: string;
	/** #rrggbb, or empty. */
	color?: string;
	description?: string;
	hoisted?: boolean;
	messages_per_10s?: number;
	name: string;
	permissions?: string[];
	/** 0 is the highest. Not given: where it is. */
	position?: number | null;
	self_assignable?: boolean;
}
export interface RankRequest {
	rank: "member" | "moderator" | "admin" | "owner";
}
export interface Reaction {
	count: number;
	emoji: string;
	/** The caller is among them. */
	me: boolean;
}
export interface ReactionRequest {
	/** One Unicode emoji, or the :name: of one of GET /emoji. */
	emoji: string;
}
export interface ReactorList {
	/** In the order of the first use of each emoji. */
	reactions: Reactors[];
}
export interface Reactors {
	/** Of all who gave it. */
	count: number;
	emoji: string;
	/** The first 100 of them, in the order they reacted. */
	users: UserSummary[];
}
export interface ReadRequest {
	/** Everything up to this place is read. */
	seq: number | null;
}
export interface ReadState {
	last_read_seq: number;
	mention_count: number;
	room_id: string;
	unread_count: number;
}
export interface Receipt {
	read_at: string;
	user: UserSummary;
}
export interface ReceiptList {
	/** Earliest first, without the sender. */
	receipts: Receipt[];
}
export interface RegisterRequest {
	/** The username if it is not given. */
	display_name?: string;
	/** Code of an invite to the server or to a room. Needed where registration is by invite; else it may be given to enter a room. */
	invite?: string;
	/** 8 to 200 characters. */
	password: string;
	/** 3 to 20 of A-Z, a-z, 0-9 and _; unique without regard to case. */
	username: string;
}
export interface Report {
	author: UserSummary | null;
	/** The message as it was when reported. */
	content: string;
	created_at: string;
	handled_at: string | null;
	handled_by: UserSummary | null;
	id: string;
	message_id: string;
	note: string;
	reason: string;
	reporter: UserSummary | null;
	room_id: string;
	state: "open" | "resolved" | "dismissed";
}
export interface ReportPage {
	/** Null at the end. */
	next_cursor: string | null;
	reports: Report[];
}
export interface ReportRequest {
	reason: string;
}
export interface Role {
	category: string;
	/** #rrggbb, or empty. */
	color: string;
	description: string;
	/** Its holders are listed apart. */
	hoisted: boolean;
	id: string;
	/** Overrides the server's send limit: 0 the server's, -1 none. */
	messages_per_10s: number;
	name: string;
	permissions: string[];
	/** 0 is the highest. */
	position: number;
	self_assignable: boolean;
	/** One of the four that cannot be deleted. */
	system: boolean;
}
export interface RoleEntry {
	deny?: boolean;
	role_id: string;
}
export interface RoleList {
	right: string;
	/** The first entry that matches one of a person's roles decides. */
	roles: RoleEntry[];
}
export interface RoleListAnswer {
	/** Highest first. */
	roles: Role[];
}
export interface RoleListsAnswer {
	role_lists: RoleList[];
}
export interface RoleOrderRequest {
	/** Ids, highest first; those that are not named follow. */
	roles: string[];
}
export interface RoleRequest {
	role: "admin" | "member";
}
export interface Room {
	/** Can be read but not changed. */
	archived: boolean;
	avatar_url: string | null;
	created_at: string;
	/** Null for rooms of the server. */
	created_by: string | null;
	description: string;
	/** Content is ciphertext: not searched, no mentions, no links. */
	encrypted: boolean;
	form: "text" | "voice" | "forum" | "separator";
	id: string;
	/** Null while the room is empty. */
	last_message_at: string | null;
	/** The room's counter: ask for changes since this. */
	last_seq: number;
	/** The caller's membership; null for a non-member. */
	me: Me | null;
	member_count: number;
	/** For a direct room the other person's display name. */
	name: string;
	/** A room of the server rather than of a person: everybody who sees it may use it, members or not. */
	official: boolean;
	/** Null for direct rooms and rooms of the server. */
	owner_id: string | null;
	/** The other person of a direct room; null elsewhere, and when their account is gone. */
	peer: User | null;
	/** Place in lists that an operator arranges. */
	position: number;
	/** How long people wait between two messages, but the room's admins and the server's moderators; 0: no slow mode. */
	slow_mode_seconds: number;
	/** Unique without regard to case; null for rooms without one. */
	slug: string | null;
	topic: string;
	type: "public" | "private" | "direct";
}
export interface RoomChangeRequest {
	archived?: boolean | null;
	/** Empty removes it. */
	avatar_url?: string | null;
	description?: string | null;
	/** These three may change into each other; a forum stays one. */
	form?: "text" | "voice" | "separator" | null;
	name?: string | null;
	position?: number | null;
	/** How long people wait between two messages; 0 for no slow mode. */
	slow_mode_seconds?: number | null;
	slug?: string | null;
	topic?: string | null;
	type?: "public" | "private" | null;
}
export interface RoomList {
	rooms: Room[];
}
export interface RoomOrderRequest {
	/** Ids, first one first; rooms that are not named stay where they are. */
	rooms: string[];
}
export interface RoomPage {
	/** Null at the end. */
	next_cursor: string | null;
	rooms: Room[];
}
export interface RoomPermissions {
	/** Server permissions that give no rights in this room, such as manage_messages. */
	denied?: string[];
	/** By right; a right without a list is as in every other room. A list of see or read narrows a public room. */
	lists: RoleList[];
}
export interface RoomSummary {
	avatar_url: string | null;
	description: string;
	encrypted: boolean;
	form: "text" | "voice" | "forum" | "separator";
	id: string;
	member_count: number;
	name: string;
	slug: string | null;
	type: "public" | "private" | "direct";
}
export interface Sanction {
	created_at: string;
	id: string;
	/** Null for the operator. */
	issued_by: UserSummary | null;
	kind: "ban" | "mute" | "timeout" | "warning";
	lift_reason: string;
	lifted_at: string | null;
	lifted_by: UserSummary | null;
	/** It holds now. */
	live: boolean;
	reason: string;
	/** Null: the whole server. */
	room_id: string | null;
	/** Null: until lifted. */
	until: string | null;
	/** Null if the account is gone. */
	user: UserSummary | null;
	user_id: string;
}
export interface SanctionPage {
	/** Null at the end. */
	next_cursor: string | null;
	/** Newest first. */
	sanctions: Sanction[];
}
export interface SanctionRequest {
	kind: "ban" | "mute" | "timeout" | "warning";
	reason?: string;
	/** Not given: the whole server. */
	room_id?: string;
	/** A timeout needs it; the others may last until lifted. */
	until?: string | null;
	user_id: string;
}
export interface SearchAnswer {
	/** Newest first. */
	hits: Hit[];
	/** Null at the end. */
	next_cursor: string | null;
	total_estimate: number;
}
export interface Self {
	/** Path or URL of the picture; null for none. */
	avatar_url: string | null;
	bio: string;
	bot: boolean;
	created_at: string;
	display_name: string;
	/** Empty if none is known. */
	email: string;
	id: string;
	/** Null if the person never connected. */
	last_seen_at: string | null;
	/** What keeps the caller from writing anywhere on the server; null: nothing. For rooms see their me. */
	mute: Mute | null;
	/** Standing on the server. */
	rank: "member" | "moderator" | "admin" | "owner";
	/** Ids of the server roles, in the person's own order: the first that a room's list names decides. */
	roles: string[];
	/** Preferences of the person's clients, as they were stored. */
	settings: unknown;
	status: "online" | "away" | "busy" | "offline";
	status_message: string;
	username: string;
}
export interface SelfRoleList {
	/** Ids of those that the caller has. */
	assigned: string[];
	/** Highest first. */
	roles: Role[];
}
export interface SendRequest {
	/** Ids of the caller's own uploads, at most 10. */
	attachments?: string[];
	/** Markdown, 1 to 10,000 characters after trimming; may be empty when there are attachments. */
	content?: string;
	/** At most 10, as bots send them: title, description, url, color, timestamp, author {name, url, icon_url}, footer {text, icon_url}, image and thumbnail {url}, fields [{name, value, inline}]. */
	embeds?: unknown[];
	/** Made by the client: the send happens exactly once for each nonce, sender and room within 24 hours. */
	nonce?: string;
	/** The message it replies to; in a forum also the thread it goes into. */
	parent_id?: string;
	/** A question to the room; the content may be empty then. */
	poll?: NewPollRequest;
}
export interface Server {
	/** The version of this API. */
	api: string;
	description: string;
	/** The protocols that are on. */
	dialects: string[];
	heartbeat_ms: number;
	/** Path of the icon; null for none. */
	icon_url: string | null;
	limits: Limits;
	name: string;
	/** Notifications can be pushed to browsers. */
	push: boolean;
	registration: "open" | "invite" | "closed";
	/** Where registration is by invite, an invite to a room will do. */
	registration_by_room_invite: boolean;
	version: string;
	websocket: string;
	/** What new people are told; empty for nothing. */
	welcome: string;
}
export interface ServerSettings {
	/** Of one file; null: no limit. */
	attachment_bytes: number | null;
	/** What the operator allows; null: no limit. */
	attachment_bytes_max: number | null;
	/** Types of files that are taken, by ending. */
	attachment_types: string[];
	/** All types that the server can tell by their content, by ending. */
	attachment_types_known: string[];
	/** Ids of the public rooms that new people enter; null: the rooms of the server itself. */
	default_rooms: string[] | null;
	description: string;
	/** Path of the icon; null for none. */
	icon_url: string | null;
	name: string;
	/** Where each value comes from: default, stored (set here), file, environment or flag. */
	origins: Record<string, string>;
	/** Settings that only the operator can change, by name. */
	read_only: string[];
	registration: "open" | "invite" | "closed";
	/** Where registration is by invite, an invite to a room will do. */
	registration_by_room_invite: boolean;
	/** What new people are told, as a notification; empty for nothing. */
	welcome: string;
}
export interface Session {
	address: string;
	created_at: string;
	/** The session of this request. */
	current: boolean;
	/** The user agent that logged in. */
	device: string;
	expires_at: string;
	id: string;
	last_used_at: string;
}
export interface SessionList {
	sessions: Session[];
}
export interface SettingsRequest {
	/** At most attachment_bytes_max. */
	attachment_bytes?: number | null;
	/** Endings, media types, or classes of these, all of types that the server knows: mp4, audio/mpeg, image/*. Empty: no files. */
	attachment_types?: string[];
	/** Ids of public rooms, at most 50. */
	default_rooms?: string[];
	description?: string | null;
	name?: string | null;
	registration?: "open" | "invite" | "closed" | null;
	registration_by_room_invite?: boolean | null;
	welcome?: string | null;
}
export interface SetupRequest {
	display_name?: string;
	password: string;
	/** From the link that the server printed when it was started. */
	token: string;
	username: string;
}
export interface Stats {
	attachment_bytes: number;
	attachments: number;
	/** The last 30 days, oldest first. */
	days: DayStats[];
	live_sanctions: number;
	messages: number;
	/** People connected to this node. */
	online: number;
	open_reports: number;
	rooms: number;
	users: number;
}
export interface TOTPEnrolment {
	/** What the QR code holds. */
	otpauth_uri: string;
	/** A picture for the authenticator app to read: a PNG in a data: URL. */
	qr_code: string;
	/** Each lets in once without the device. They hold once the second factor is confirmed. */
	recovery_codes: string[];
	/** In base32, to be typed. */
	secret: string;
}
export interface TOTPStatus {
	enabled: boolean;
	/** How many are left. */
	recovery_codes: number;
}
export interface Thread {
	last_reply_at: string | null;
	reply_count: number;
}
export interface ThreadChangeRequest {
	archived?: boolean | null;
	locked?: boolean | null;
	name?: string | null;
}
export interface ThreadList {
	/** Null at the end. */
	next_cursor: string | null;
	/** The latest message first. */
	threads: ThreadView[];
}
export interface ThreadReadRequest {
	/** Up to this message; not given: everything. */
	message_id?: string;
}
export interface ThreadView {
	/** Put away; a message brings it back. */
	archived: boolean;
	/** The caller may rename, archive and delete it. */
	can_change: boolean;
	can_lock: boolean;
	created_at: string;
	/** Null for an account that is gone. */
	created_by: UserSummary;
	/** Of its first message. Replies name it as parent_id, or a reply in it. */
	id: string;
	/** The caller takes part. */
	joined: boolean;
	/** Of the newest reply, else of the thread itself. */
	last_message_at: string;
	/** Null while there is none. */
	last_message_id: string | null;
	/** The newest message that the caller has read; null for none. */
	last_read_id: string | null;
	/** It can be read, but nothing in it changes. */
	locked: boolean;
	/** Replies that are not deleted. */
	message_count: number;
	name: string;
	participant_count: number;
	/** The first 20, in the order they came; whoever opened it is the first. */
	participants: UserSummary[];
	room_id: string;
	unread_count: number;
}
export interface TotpConfirmRequest {
	/** Of the authenticator app. */
	code: string;
}
export interface UnreadAnswer {
	unread: number;
}
export interface UploadAnswer {
	attachments: Attachment[];
}
export interface User {
	/** Path or URL of the picture; null for none. */
	avatar_url: string | null;
	bio: string;
	bot: boolean;
	created_at: string;
	display_name: string;
	id: string;
	/** Null if the person never connected. */
	last_seen_at: string | null;
	/** Standing on the server. */
	rank: "member" | "moderator" | "admin" | "owner";
	/** Ids of the server roles, in the person's own order: the first that a room's list names decides. */
	roles: string[];
	status: "online" | "away" | "busy" | "offline";
	status_message: string;
	username: string;
}
export interface UserList {
	users: User[];
}
export interface UserRequest {
	user_id: string;
}
export interface UserRolesRequest {
	/** Ids, in the person's own order; none stands for user. */
	roles: string[];
}
export interface UserSummary {
	avatar_url: string | null;
	bot: boolean;
	display_name: string;
	id: string;
	rank: "member" | "moderator" | "admin" | "owner";
	username: string;
}
export interface VoiceList {
	/** What the operator set for browsers to find each other by; empty: they connect directly. */
	ice_servers: ICEServer[];
	/** The caller's voice rooms, those without participants as well. */
	rooms: VoiceRoom[];
}
export interface VoiceRoom {
	participants: Participant[];
	room_id: string;
}
export interface VotesRequest {
	/** Ids of options. */
	options: string[];
}
export interface Webhook {
	/** Where the picture is, on another site. */
	avatar_url: string | null;
	created_at: string;
	/** Null if the operator made it, or the account is gone. */
	created_by: UserSummary | null;
	id: string;
	name: string;
	/** Path and query to send posts to, with the secret token; null for those who may not manage webhooks. */
	path: string | null;
	room_id: string;
}
export interface WebhookList {
	/** Oldest first. */
	webhooks: Webhook[];
}
export interface WebhookRequest {
	/** Empty: none. */
	avatar_url?: string | null;
	name?: string | null;
}

/** Every operation, by its method and its path under /api. */
export interface Operations {
	/** Notify everyone */
	"POST /admin/announcements": {
		path: undefined;
		query: undefined;
		body: AnnounceRequest;
		answer: AnnounceAnswer;
	};
	/** Read the audit log */
	"GET /admin/audit": {
		path: undefined;
		query: { room_id?: string; actor?: string; target?: string; action?: string; after?: string; before?: string; limit?: number; cursor?: string };
		body: undefined;
		answer: AuditPage;
	};
	/** List invites to register */
	"GET /admin/invites": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: InviteList;
	};
	/** Make an invite to register */
	"POST /admin/invites": {
		path: undefined;
		query: undefined;
		body: NewInviteRequest;
		answer: Invite;
	};
	/** List plugins and how they are */
	"GET /admin/plugins": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: PluginList;
	};
	/** Load all plugins anew, on every node */
	"POST /admin/plugins/reload": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: PluginList;
	};
	/** Switch a plugin off */
	"POST /admin/plugins/{id}/disable": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Plugin;
	};
	/** Switch a plugin on */
	"POST /admin/plugins/{id}/enable": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Plugin;
	};
	/** Load a plugin anew, on every node */
	"POST /admin/plugins/{id}/reload": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Plugin;
	};
	/** Change settings of a plugin */
	"PATCH /admin/plugins/{id}/settings": {
		path: { id: string };
		query: undefined;
		body: PluginSettingsRequest;
		answer: Plugin;
	};
	/** Read the queue of reported messages */
	"GET /admin/reports": {
		path: undefined;
		query: { state?: "open" | "resolved" | "dismissed"; limit?: number; cursor?: string };
		body: undefined;
		answer: ReportPage;
	};
	/** Close a report */
	"PATCH /admin/reports/{id}": {
		path: { id: string };
		query: undefined;
		body: HandleReportRequest;
		answer: Report;
	};
	/** List the server's roles */
	"GET /admin/roles": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: RoleListAnswer;
	};
	/** Make a role */
	"POST /admin/roles": {
		path: undefined;
		query: undefined;
		body: PutRoleRequest;
		answer: Role;
	};
	/** Put the server's roles in order */
	"PUT /admin/roles/order": {
		path: undefined;
		query: undefined;
		body: RoleOrderRequest;
		answer: RoleListAnswer;
	};
	/** Delete a role */
	"DELETE /admin/roles/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Change a role */
	"PUT /admin/roles/{id}": {
		path: { id: string };
		query: undefined;
		body: PutRoleRequest;
		answer: Role;
	};
	/** List all rooms, without content */
	"GET /admin/rooms": {
		path: undefined;
		query: { q?: string; limit?: number; cursor?: string };
		body: undefined;
		answer: RoomPage;
	};
	/** Put the server's own rooms in order */
	"PUT /admin/rooms/order": {
		path: undefined;
		query: undefined;
		body: RoomOrderRequest;
		answer: RoomList;
	};
	/** Delete a room by rank */
	"DELETE /admin/rooms/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** List sanctions */
	"GET /admin/sanctions": {
		path: undefined;
		query: { user_id?: string; room_id?: string; kind?: "ban" | "mute" | "timeout" | "warning"; live?: boolean; limit?: number; cursor?: string };
		body: undefined;
		answer: SanctionPage;
	};
	/** Ban, mute, time out or warn a person */
	"POST /admin/sanctions": {
		path: undefined;
		query: undefined;
		body: SanctionRequest;
		answer: Sanction;
	};
	/** Lift what holds against a person */
	"POST /admin/sanctions/lift": {
		path: undefined;
		query: undefined;
		body: LiftRequest;
		answer: undefined;
	};
	/** Read the server's settings */
	"GET /admin/settings": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: ServerSettings;
	};
	/** Change the server's settings */
	"PATCH /admin/settings": {
		path: undefined;
		query: undefined;
		body: SettingsRequest;
		answer: ServerSettings;
	};
	/** Take the server's icon away */
	"DELETE /admin/settings/icon": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Set the server's icon */
	"PUT /admin/settings/icon": {
		path: undefined;
		query: undefined;
		body: FormData;
		answer: ServerSettings;
	};
	/** Count what the server holds */
	"GET /admin/stats": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: Stats;
	};
	/** List accounts */
	"GET /admin/users": {
		path: undefined;
		query: { q?: string; role?: string; disabled?: "true" | "false"; limit?: number; cursor?: string };
		body: undefined;
		answer: AdminUserPage;
	};
	/** Make an account for somebody */
	"POST /admin/users": {
		path: undefined;
		query: undefined;
		body: NewUserRequest;
		answer: AdminUser;
	};
	/** Delete an account */
	"DELETE /admin/users/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Shut an account and end its logins */
	"POST /admin/users/{id}/disable": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Open an account again */
	"POST /admin/users/{id}/enable": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Set a person's password */
	"POST /admin/users/{id}/password": {
		path: { id: string };
		query: undefined;
		body: NewPasswordRequest;
		answer: undefined;
	};
	/** Give a person a rank */
	"PUT /admin/users/{id}/rank": {
		path: { id: string };
		query: undefined;
		body: RankRequest;
		answer: AdminUser;
	};
	/** Give a person exactly these roles */
	"PUT /admin/users/{id}/roles": {
		path: { id: string };
		query: undefined;
		body: UserRolesRequest;
		answer: AdminUser;
	};
	/** Take a role from a person */
	"DELETE /admin/users/{id}/roles/{role}": {
		path: { id: string; role: string };
		query: undefined;
		body: undefined;
		answer: AdminUser;
	};
	/** Give a person a role beside those they have */
	"PUT /admin/users/{id}/roles/{role}": {
		path: { id: string; role: string };
		query: undefined;
		body: undefined;
		answer: AdminUser;
	};
	/** Switch a person's second factor off */
	"DELETE /admin/users/{id}/totp": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Upload files */
	"POST /attachments/upload": {
		path: undefined;
		query: undefined;
		body: FormData;
		answer: UploadAnswer;
	};
	/** Download a file */
	"GET /attachments/{id}": {
		path: { id: string };
		query: { direct?: "0" | "1" };
		body: undefined;
		answer: Blob;
	};
	/** Download a file's small picture */
	"GET /attachments/{id}/thumbnail": {
		path: { id: string };
		query: { direct?: "0" | "1" };
		body: undefined;
		answer: Blob;
	};
	/** List the ways into the own account */
	"GET /auth/identities": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: LoginWayList;
	};
	/** Take a login off the own account */
	"DELETE /auth/identities/{id}": {
		path: { id: string };
		query: undefined;
		body: OptionalPasswordRequest;
		answer: undefined;
	};
	/** Give the code that another account showed */
	"POST /auth/link": {
		path: undefined;
		query: undefined;
		body: LinkRequest;
		answer: AccountLink;
	};
	/** Have a code shown that links another account */
	"POST /auth/link-codes": {
		path: undefined;
		query: undefined;
		body: OptionalPasswordRequest;
		answer: LinkCode;
	};
	/** Log in */
	"POST /auth/login": {
		path: undefined;
		query: undefined;
		body: LoginRequest;
		answer: LoginAnswer;
	};
	/** End this login */
	"POST /auth/logout": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Read the own account */
	"GET /auth/me": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: Self;
	};
	/** Change the own password */
	"POST /auth/password": {
		path: undefined;
		query: undefined;
		body: PasswordRequest;
		answer: undefined;
	};
	/** Make an account and log in */
	"POST /auth/register": {
		path: undefined;
		query: undefined;
		body: RegisterRequest;
		answer: LoginAnswer;
	};
	/** List the own logins, newest use first */
	"GET /auth/sessions": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: SessionList;
	};
	/** End another login */
	"DELETE /auth/sessions/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Make the first owner */
	"POST /auth/setup": {
		path: undefined;
		query: undefined;
		body: SetupRequest;
		answer: LoginAnswer;
	};
	/** Switch the second factor off */
	"DELETE /auth/totp": {
		path: undefined;
		query: undefined;
		body: OwnPasswordRequest;
		answer: undefined;
	};
	/** See whether the own account has a second factor */
	"GET /auth/totp": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: TOTPStatus;
	};
	/** Begin to set up a second factor */
	"POST /auth/totp": {
		path: undefined;
		query: undefined;
		body: OwnPasswordRequest;
		answer: TOTPEnrolment;
	};
	/** Switch the second factor on */
	"POST /auth/totp/confirm": {
		path: undefined;
		query: undefined;
		body: TotpConfirmRequest;
		answer: undefined;
	};
	/** Download a profile picture */
	"GET /avatars/{name}": {
		path: { name: string };
		query: undefined;
		body: undefined;
		answer: Blob;
	};
	/** List slash commands */
	"GET /commands": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: CommandList;
	};
	/** Read this reference as a page */
	"GET /docs": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: Blob;
	};
	/** Read the reference of the WebSocket as a page */
	"GET /docs/websocket": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: Blob;
	};
	/** List the server's own emoji */
	"GET /emoji": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: EmojiList;
	};
	/** Add an emoji */
	"POST /emoji": {
		path: undefined;
		query: undefined;
		body: FormData;
		answer: Emoji;
	};
	/** Download the picture of an emoji */
	"GET /emoji/pictures/{name}": {
		path: { name: string };
		query: undefined;
		body: undefined;
		answer: Blob;
	};
	/** Remove an emoji */
	"DELETE /emoji/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Rename an emoji */
	"PATCH /emoji/{id}": {
		path: { id: string };
		query: undefined;
		body: EmojiRequest;
		answer: Emoji;
	};
	/** Replace an emoji's picture */
	"PUT /emoji/{id}/picture": {
		path: { id: string };
		query: undefined;
		body: FormData;
		answer: Emoji;
	};
	/** Revoke an invite */
	"DELETE /invites/{code}": {
		path: { code: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** See what an invite is for */
	"GET /invites/{code}": {
		path: { code: string };
		query: undefined;
		body: undefined;
		answer: Invite;
	};
	/** Join by an invite */
	"POST /invites/{code}/accept": {
		path: { code: string };
		query: undefined;
		body: undefined;
		answer: Room;
	};
	/** Delete a message */
	"DELETE /messages/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Read a message */
	"GET /messages/{id}": {
		path: { id: string };
		query: { render?: "html" };
		body: undefined;
		answer: Message;
	};
	/** Edit a message */
	"PUT /messages/{id}": {
		path: { id: string };
		query: undefined;
		body: EditRequest;
		answer: Message;
	};
	/** Take a pin off */
	"DELETE /messages/{id}/pin": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Pin a message */
	"PUT /messages/{id}/pin": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Message;
	};
	/** Read a poll with its results */
	"GET /messages/{id}/poll": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: PollResults;
	};
	/** End a poll */
	"POST /messages/{id}/poll/end": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Message;
	};
	/** Vote in a poll */
	"POST /messages/{id}/poll/votes": {
		path: { id: string };
		query: undefined;
		body: VotesRequest;
		answer: Message;
	};
	/** Take a vote back */
	"DELETE /messages/{id}/poll/votes/{option}": {
		path: { id: string; option: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** See who reacted to a message, and with what */
	"GET /messages/{id}/reactions": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: ReactorList;
	};
	/** React to a message */
	"POST /messages/{id}/reactions": {
		path: { id: string };
		query: undefined;
		body: ReactionRequest;
		answer: Message;
	};
	/** Take the own reaction back */
	"DELETE /messages/{id}/reactions/{emoji}": {
		path: { id: string; emoji: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** See who read a message, and when */
	"GET /messages/{id}/receipts": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: ReceiptList;
	};
	/** Report a message to the moderators */
	"POST /messages/{id}/report": {
		path: { id: string };
		query: undefined;
		body: ReportRequest;
		answer: Report;
	};
	/** Read the replies under a message */
	"GET /messages/{id}/thread": {
		path: { id: string };
		query: { before?: string; after?: string; around?: string; around_seq?: string; at?: string; limit?: number; render?: "html" };
		body: undefined;
		answer: MessagePage;
	};
	/** List the own notifications */
	"GET /notifications": {
		path: undefined;
		query: { unread?: boolean; limit?: number; cursor?: string };
		body: undefined;
		answer: NotificationPage;
	};
	/** Mark all notifications read */
	"PATCH /notifications/read-all": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Count the own unread notifications */
	"GET /notifications/unread": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: UnreadAnswer;
	};
	/** Mark a notification read */
	"PATCH /notifications/{id}/read": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Read this reference as OpenAPI 3.1 */
	"GET /openapi.json": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: Record<string, unknown>;
	};
	/** Download the picture of a link preview */
	"GET /previews/{name}": {
		path: { name: string };
		query: undefined;
		body: undefined;
		answer: Blob;
	};
	/** Read the key to subscribe to Web Push with */
	"GET /push/key": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: PushKey;
	};
	/** End pushing to a browser */
	"DELETE /push/subscriptions": {
		path: undefined;
		query: { endpoint?: string };
		body: PushEndpoint;
		answer: undefined;
	};
	/** List the browsers that are pushed to */
	"GET /push/subscriptions": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: PushList;
	};
	/** Have notifications pushed to a browser */
	"PUT /push/subscriptions": {
		path: undefined;
		query: undefined;
		body: PushRequest;
		answer: undefined;
	};
	/** List the own rooms, newest message first */
	"GET /rooms": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: RoomList;
	};
	/** Make a room */
	"POST /rooms": {
		path: undefined;
		query: undefined;
		body: NewRoomRequest;
		answer: Room;
	};
	/** Read a room by its slug */
	"GET /rooms/by-slug/{slug}": {
		path: { slug: string };
		query: undefined;
		body: undefined;
		answer: Room;
	};
	/** Open the direct room with a person */
	"POST /rooms/direct": {
		path: undefined;
		query: undefined;
		body: UserRequest;
		answer: Room;
	};
	/** Discover rooms that anyone may join */
	"GET /rooms/public": {
		path: undefined;
		query: { q?: string; limit?: number; cursor?: string };
		body: undefined;
		answer: RoomPage;
	};
	/** List the server's own rooms in their order */
	"GET /rooms/server": {
		path: undefined;
		query: { all?: boolean };
		body: undefined;
		answer: RoomList;
	};
	/** Delete a room with everything in it */
	"DELETE /rooms/{id}": {
		path: { id: string };
		query: { confirm?: string };
		body: undefined;
		answer: undefined;
	};
	/** Read a room */
	"GET /rooms/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Room;
	};
	/** Change a room */
	"PUT /rooms/{id}": {
		path: { id: string };
		query: undefined;
		body: RoomChangeRequest;
		answer: Room;
	};
	/** Read a room's audit log */
	"GET /rooms/{id}/audit": {
		path: { id: string };
		query: { actor?: string; target?: string; action?: string; after?: string; before?: string; limit?: number; cursor?: string };
		body: undefined;
		answer: AuditPage;
	};
	/** Take a room's picture away */
	"DELETE /rooms/{id}/avatar": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Set a room's picture */
	"PUT /rooms/{id}/avatar": {
		path: { id: string };
		query: undefined;
		body: FormData;
		answer: Room;
	};
	/** List who is banned from a room */
	"GET /rooms/{id}/bans": {
		path: { id: string };
		query: { limit?: number; cursor?: string };
		body: undefined;
		answer: BanPage;
	};
	/** Ban a person from a room */
	"POST /rooms/{id}/bans": {
		path: { id: string };
		query: undefined;
		body: BanRequest;
		answer: Sanction;
	};
	/** End a ban */
	"DELETE /rooms/{id}/bans/{userId}": {
		path: { id: string; userId: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Catch up with a room */
	"GET /rooms/{id}/changes": {
		path: { id: string };
		query: { since?: string; limit?: number; render?: "html" };
		body: undefined;
		answer: ChangeList;
	};
	/** Call a slash command */
	"POST /rooms/{id}/commands": {
		path: { id: string };
		query: undefined;
		body: CommandRequest;
		answer: CommandResult;
	};
	/** List a room's invite links, newest first */
	"GET /rooms/{id}/invites": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: InviteList;
	};
	/** Make an invite link */
	"POST /rooms/{id}/invites": {
		path: { id: string };
		query: undefined;
		body: NewInviteRequest;
		answer: Invite;
	};
	/** Join a room */
	"POST /rooms/{id}/join": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Room;
	};
	/** Leave a room */
	"POST /rooms/{id}/leave": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** List members with presence */
	"GET /rooms/{id}/members": {
		path: { id: string };
		query: { limit?: number; cursor?: string };
		body: undefined;
		answer: MemberPage;
	};
	/** Invite a person */
	"POST /rooms/{id}/members": {
		path: { id: string };
		query: undefined;
		body: UserRequest;
		answer: Invite;
	};
	/** Remove a member */
	"DELETE /rooms/{id}/members/{userId}": {
		path: { id: string; userId: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** End a mute */
	"DELETE /rooms/{id}/members/{userId}/mute": {
		path: { id: string; userId: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Mute a member */
	"PUT /rooms/{id}/members/{userId}/mute": {
		path: { id: string; userId: string };
		query: undefined;
		body: MeasureRequest;
		answer: Sanction;
	};
	/** Make a member an admin, or an admin a member */
	"PATCH /rooms/{id}/members/{userId}/role": {
		path: { id: string; userId: string };
		query: undefined;
		body: RoleRequest;
		answer: Member;
	};
	/** Read a part of a room's history */
	"GET /rooms/{id}/messages": {
		path: { id: string };
		query: { before?: string; after?: string; around?: string; around_seq?: string; at?: string; limit?: number; render?: "html" };
		body: undefined;
		answer: MessagePage;
	};
	/** Send a message */
	"POST /rooms/{id}/messages": {
		path: { id: string };
		query: undefined;
		body: SendRequest;
		answer: Message;
	};
	/** See what server roles may do in a room */
	"GET /rooms/{id}/permissions": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: RoomPermissions;
	};
	/** Set what server roles may do in a room, all at once */
	"PUT /rooms/{id}/permissions": {
		path: { id: string };
		query: undefined;
		body: RoomPermissions;
		answer: RoomPermissions;
	};
	/** List pinned messages, newest pin first */
	"GET /rooms/{id}/pins": {
		path: { id: string };
		query: { render?: "html" };
		body: undefined;
		answer: MessageList;
	};
	/** Set what to be told of in a room */
	"PATCH /rooms/{id}/preferences": {
		path: { id: string };
		query: undefined;
		body: PreferencesRequest;
		answer: Room;
	};
	/** Note how far the caller has read */
	"POST /rooms/{id}/read": {
		path: { id: string };
		query: undefined;
		body: ReadRequest;
		answer: ReadState;
	};
	/** See which server roles have which right in a room */
	"GET /rooms/{id}/role-lists": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: RoleListsAnswer;
	};
	/** Set which server roles have a right in a room */
	"PUT /rooms/{id}/role-lists": {
		path: { id: string };
		query: undefined;
		body: RoleList;
		answer: RoleListsAnswer;
	};
	/** List the threads of a forum */
	"GET /rooms/{id}/threads": {
		path: { id: string };
		query: { limit?: number; cursor?: string; archived?: boolean };
		body: undefined;
		answer: ThreadList;
	};
	/** Open a thread in a forum */
	"POST /rooms/{id}/threads": {
		path: { id: string };
		query: undefined;
		body: NewThreadRequest;
		answer: ThreadView;
	};
	/** Hand a room over */
	"POST /rooms/{id}/transfer": {
		path: { id: string };
		query: undefined;
		body: UserRequest;
		answer: Room;
	};
	/** Say who is in a voice room */
	"GET /rooms/{id}/voice": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: VoiceRoom;
	};
	/** Search messages */
	"GET /search": {
		path: undefined;
		query: { q?: string; room_id?: string; from?: string; after?: string; before?: string; has?: string; limit?: number; cursor?: string; render?: "html" };
		body: undefined;
		answer: SearchAnswer;
	};
	/** Read what the server is and can do */
	"GET /server": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: Server;
	};
	/** Delete a thread and everything said in it */
	"DELETE /threads/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Read a thread */
	"GET /threads/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: ThreadView;
	};
	/** Rename, lock, archive or bring back a thread */
	"PATCH /threads/{id}": {
		path: { id: string };
		query: undefined;
		body: ThreadChangeRequest;
		answer: ThreadView;
	};
	/** Take part in a thread */
	"POST /threads/{id}/join": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: ThreadView;
	};
	/** Take part in a thread no more; whoever opened it stays */
	"POST /threads/{id}/leave": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: ThreadView;
	};
	/** Mark a thread as read */
	"POST /threads/{id}/read": {
		path: { id: string };
		query: undefined;
		body: ThreadReadRequest;
		answer: ThreadView;
	};
	/** Delete the own account */
	"DELETE /users/me": {
		path: undefined;
		query: undefined;
		body: OwnPasswordRequest;
		answer: undefined;
	};
	/** Change the own profile and status */
	"PATCH /users/me": {
		path: undefined;
		query: undefined;
		body: ProfileRequest;
		answer: Self;
	};
	/** Take the own picture away */
	"DELETE /users/me/avatar": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Set the own picture */
	"PUT /users/me/avatar": {
		path: undefined;
		query: undefined;
		body: FormData;
		answer: Self;
	};
	/** List whom the caller blocked */
	"GET /users/me/blocks": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: UserList;
	};
	/** List the roles that everybody may give themselves */
	"GET /users/me/self-roles": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: SelfRoleList;
	};
	/** Put a role off */
	"DELETE /users/me/self-roles/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: SelfRoleList;
	};
	/** Take a role on */
	"PUT /users/me/self-roles/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: SelfRoleList;
	};
	/** Find people by the beginning of a name */
	"GET /users/search": {
		path: undefined;
		query: { q?: string; limit?: number };
		body: undefined;
		answer: UserList;
	};
	/** Read a profile */
	"GET /users/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: User;
	};
	/** Take a block back */
	"DELETE /users/{id}/block": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** Block a person */
	"PUT /users/{id}/block": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** List who is in the own voice rooms */
	"GET /voice": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: VoiceList;
	};
	/** List webhooks, with their addresses for those who manage the server */
	"GET /webhooks": {
		path: undefined;
		query: { room_id?: string };
		body: undefined;
		answer: WebhookList;
	};
	/** Make a webhook */
	"POST /webhooks": {
		path: undefined;
		query: undefined;
		body: NewWebhookRequest;
		answer: Webhook;
	};
	/** Delete a webhook */
	"DELETE /webhooks/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: undefined;
	};
	/** See a webhook */
	"GET /webhooks/{id}": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Webhook;
	};
	/** Rename a webhook or give it another picture */
	"PATCH /webhooks/{id}": {
		path: { id: string };
		query: undefined;
		body: WebhookRequest;
		answer: Webhook;
	};
	/** Give a webhook another address */
	"POST /webhooks/{id}/token": {
		path: { id: string };
		query: undefined;
		body: undefined;
		answer: Webhook;
	};
	/** Open the WebSocket */
	"GET /ws": {
		path: undefined;
		query: undefined;
		body: undefined;
		answer: undefined;
	};
}
