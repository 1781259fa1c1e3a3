package native

import (
	"net/http"
	"strings"
)

// Code is one entry of the list of error codes, which is part of the contract.
type Code struct {
	Code    string
	Status  int // it is answered with; a few codes come with others too, as their meaning says
	Meaning string
}

// Codes lists every error code that an answer or a frame can carry.
func Codes() []Code { return codes }

// codeOf finds an entry by its code; nil for an unknown one.
func codeOf(code string) *Code {
	for i := range codes {
		if codes[i].Code == code {
			return &codes[i]
		}
	}
	return nil
}

// commonCodes can come from every operation, bodyCodes from every one that takes a body, and loginCodes from every one that
// needs a login.
var (
	commonCodes = strings.Fields("address_invalid internal unavailable busy canceled")
	bodyCodes   = strings.Fields("body_missing body_too_large body_incomplete content_type_unsupported json_invalid json_too_deep json_text_invalid " +
		"json_number_invalid json_duplicate_name field_invalid")
	loginCodes = strings.Fields("token_invalid rate_limited cross_site account_disabled banned timed_out")
)

var codes = []Code{
	// The form of a request.
	{"address_invalid", http.StatusBadRequest, "The path or the query is not UTF-8, or contains a NUL."},
	{"parameter_invalid", http.StatusBadRequest, "A parameter of the query has the wrong form."},
	{"field_invalid", http.StatusBadRequest, "A field of the body has the wrong type, or is missing."},
	{"request_invalid", http.StatusBadRequest, "The request cannot be read."},
	{"body_missing", http.StatusBadRequest, "The request needs a body."},
	{"body_incomplete", http.StatusBadRequest, "The body did not arrive whole, or took too long."},
	{"body_too_large", http.StatusRequestEntityTooLarge, "The body is larger than the limit in GET /server."},
	{"content_type_unsupported", http.StatusUnsupportedMediaType, "The body is not of a type that the operation takes."},
	{"json_invalid", http.StatusBadRequest, "The body or frame is not JSON, or there is more after its end."},
	{"json_too_deep", http.StatusBadRequest, "The JSON is nested deeper than 32 levels."},
	{"json_text_invalid", http.StatusBadRequest, "A text in the JSON is not valid UTF-8, or has an unpaired surrogate or a NUL."},
	{"json_number_invalid", http.StatusBadRequest, "A number in the JSON is out of range."},
	{"json_duplicate_name", http.StatusBadRequest, "A name stands twice in one object of the JSON."},
	{"route_not_found", http.StatusNotFound, "There is nothing at this address."},
	{"method_not_allowed", http.StatusMethodNotAllowed, "The address does not have this method; Allow lists those it has."},
	{"limit_invalid", http.StatusBadRequest, "limit is out of range."},
	{"cursor_invalid", http.StatusBadRequest, "The cursor is none of this list, or more than one of before, after, around, around_seq and at is given."},
	{"time_invalid", http.StatusBadRequest, "A time is not in the form of RFC 3339."},
	{"frame_invalid", http.StatusBadRequest, "WebSocket: a frame is not one JSON object with a type."},
	{"frame_unknown", http.StatusBadRequest, "WebSocket: there is no frame of this type."},

	// The server.
	{"internal", http.StatusInternalServerError, "A fault of the server; the incident id is in its log."},
	{"unavailable", http.StatusServiceUnavailable, "A needed service is away; try again."},
	{"busy", http.StatusServiceUnavailable, "Too much is changing at once; try again."},
	{"canceled", http.StatusServiceUnavailable, "The request was given up."},
	{"files_unavailable", http.StatusServiceUnavailable, "Files cannot be stored or read right now."},
	{"scan_unavailable", http.StatusServiceUnavailable, "Files cannot be checked for malware right now, so none are taken."},
	{"rate_limited", http.StatusTooManyRequests, "Too much in too short a time; Retry-After says when to go on."},
	{"totp_required", http.StatusUnauthorized, "The password is right; the account needs the code of its second factor as well."},
	{"totp_wrong", http.StatusUnauthorized, "The code of the second factor is wrong or was used already. 400 when it was to be confirmed."},
	{"totp_enabled", http.StatusConflict, "The account has a second factor already."},
	{"totp_not_enabled", http.StatusConflict, "There is no second factor to be confirmed."},
	{"credentials_missing", http.StatusBadRequest, "Other dialects: a username and a password are needed."},
	{"local_name_length", http.StatusBadRequest, "Other dialects: a username has 2 to 32 characters."},
	{"local_name_characters", http.StatusBadRequest, "Other dialects: a username has letters, digits, hyphens and underscores."},
	{"password_length", http.StatusBadRequest, "Other dialects: a password has 4 to 72 characters."},
	{"external_account", http.StatusForbidden, "Other dialects: the account has no password here."},
	{"external_name_invalid", http.StatusBadRequest, "Other dialects: the name that an identity provider gave cannot be one here."},
	{"external_name_taken", http.StatusConflict, "Other dialects: somebody else has the name that an identity provider gave."},
	{"link_code_invalid", http.StatusBadRequest, "The code of another account is unknown, used or too old."},
	{"link_same_account", http.StatusBadRequest, "The code is of the caller's own account."},
	{"link_passwords", http.StatusConflict, "Both accounts have a password."},
	{"link_provider_taken", http.StatusConflict, "Both accounts have a login of the same sort."},
	{"link_sanctioned", http.StatusForbidden, "The account that would go is banned, muted or timed out somewhere."},
	{"link_rank", http.StatusConflict, "The account that would go ranks higher than the one that is left."},
	{"link_nothing", http.StatusConflict, "The account that would go has no login that could move."},
	{"link_not_a_person", http.StatusForbidden, "Only accounts of people can be linked."},
	{"login_way_not_found", http.StatusNotFound, "The account has no such login."},
	{"login_way_needed", http.StatusConflict, "The login is a password, or the only way into the account."},
	{"setting_fixed", http.StatusForbidden, "The operator has set this in the file, the environment or the command line."},
	{"server_name_invalid", http.StatusBadRequest, "The server's name is 1 to 100 characters."},
	{"welcome_too_long", http.StatusBadRequest, "The welcome is at most 2,000 characters."},
	{"welcome_invalid", http.StatusBadRequest, "The welcome contains characters that cannot be seen."},
	{"registration_invalid", http.StatusBadRequest, "registration is open, invite or closed."},
	{"default_rooms_invalid", http.StatusBadRequest, "default_rooms names public rooms, at most 50, each once."},
	{"attachment_bytes_invalid", http.StatusBadRequest, "attachment_bytes is outside what the operator allows."},
	{"attachment_types_invalid", http.StatusBadRequest, "attachment_types names something that the server cannot tell by its content."},
	{"emoji_unknown", http.StatusBadRequest, "The server has no emoji of this :name:."},
	{"emoji_not_found", http.StatusNotFound, "There is no such emoji."},
	{"emoji_name_invalid", http.StatusBadRequest, "The name of an emoji is 1 to 64 of A-Z, a-z, 0-9 and _."},
	{"emoji_name_taken", http.StatusConflict, "Another emoji has this name."},
	{"too_many_emoji", http.StatusConflict, "The server has as many emoji as it can."},
	{"slow_mode", http.StatusTooManyRequests, "The room is in slow mode, and the last message is not long enough ago; Retry-After says when the next one may be sent."},
	{"slow_mode_invalid", http.StatusBadRequest, "slow_mode_seconds is from 0 to 21,600."},
	{"not_found", http.StatusNotFound, "There is no such thing."},

	// Logins and accounts.
	{"token_invalid", http.StatusUnauthorized, "The token is missing, expired, forged or revoked: log in again."},
	{"login_failed", http.StatusUnauthorized, "The username or the password is wrong. 403 where a person who is logged in gives a wrong password."},
	{"password_wrong", http.StatusBadRequest, "The password given to confirm is wrong."},
	{"account_disabled", http.StatusForbidden, "The account is shut."},
	{"person_needed", http.StatusForbidden, "Only a person with an account can do this."},
	{"cross_site", http.StatusForbidden, "A page of another site may not use the login cookie."},
	{"origin_forbidden", http.StatusForbidden, "WebSocket: a page of another site may not connect with the login cookie."},
	{"too_many_connections", http.StatusTooManyRequests, "WebSocket: the person has too many connections open."},
	{"registration_closed", http.StatusForbidden, "Nobody can make an account here."},
	{"invite_required", http.StatusForbidden, "An account needs an invite."},
	{"invite_invalid", http.StatusForbidden, "The invite to register is unknown, expired or used up."},
	{"setup_done", http.StatusConflict, "The server has an owner already."},
	{"setup_token_invalid", http.StatusForbidden, "The setup link is not valid, or no longer."},
	{"session_not_found", http.StatusNotFound, "There is no such login of the caller's."},
	{"username_invalid", http.StatusBadRequest, "Not 3 to 20 of A-Z, a-z, 0-9 and _, or a reserved name."},
	{"username_taken", http.StatusConflict, "Another account has this username."},
	{"password_invalid", http.StatusBadRequest, "Not 8 to 200 characters."},
	{"display_name_invalid", http.StatusBadRequest, "Not 1 to 50 characters that can be seen."},
	{"bio_invalid", http.StatusBadRequest, "The text about oneself has characters that cannot be shown."},
	{"bio_too_long", http.StatusBadRequest, "The text about oneself is too long."},
	{"email_invalid", http.StatusBadRequest, "This is no mail address."},
	{"avatar_url_invalid", http.StatusBadRequest, "This is no address of a picture."},
	{"status_invalid", http.StatusBadRequest, "Not online, away, busy or offline."},
	{"status_message_invalid", http.StatusBadRequest, "The status message has characters that cannot be shown."},
	{"status_message_too_long", http.StatusBadRequest, "The status message has more than 100 characters."},
	{"settings_invalid", http.StatusBadRequest, "Settings are JSON of at most 16 KiB."},
	{"user_not_found", http.StatusNotFound, "There is no such user."},
	{"query_invalid", http.StatusBadRequest, "What to look for is empty or too long."},

	// Rooms and members.
	{"room_not_found", http.StatusNotFound, "There is no such room, or the caller cannot see it."},
	{"room_name_invalid", http.StatusBadRequest, "Not 1 to 100 characters that can be seen."},
	{"description_invalid", http.StatusBadRequest, "The description has characters that cannot be shown."},
	{"description_too_long", http.StatusBadRequest, "The description has more than 1,000 characters."},
	{"topic_invalid", http.StatusBadRequest, "The topic has characters that cannot be shown."},
	{"topic_too_long", http.StatusBadRequest, "The topic has more than 250 characters."},
	{"slug_invalid", http.StatusBadRequest, "Not 2 to 64 of a-z, 0-9, _ and -."},
	{"slug_taken", http.StatusConflict, "Another room has this slug."},
	{"room_type_invalid", http.StatusBadRequest, "Not public or private."},
	{"room_form_invalid", http.StatusBadRequest, "Not text, voice, forum or separator."},
	{"room_archived", http.StatusForbidden, "The room can be read but not changed."},
	{"room_not_text", http.StatusForbidden, "Nothing can be said in a separator."},
	{"direct_room", http.StatusForbidden, "A direct room cannot be changed in this way."},
	{"confirm_needed", http.StatusBadRequest, "confirm must be the room's slug or id."},
	{"not_a_member", http.StatusForbidden, "The caller sees the room but is not a member."},
	{"member_not_found", http.StatusNotFound, "The person is not a member of the room."},
	{"already_member", http.StatusConflict, "The person is a member already."},
	{"owner_must_transfer", http.StatusConflict, "An owner must hand the room over before leaving."},
	{"notify_invalid", http.StatusBadRequest, "Not all, mentions or muted."},
	{"seq_invalid", http.StatusBadRequest, "seq is missing or negative, or a place is before the first."},
	{"role_invalid", http.StatusBadRequest, "A member can be made an admin or a member."},
	{"invite_not_found", http.StatusNotFound, "The code is unknown, expired, used up, revoked, or for somebody else."},
	{"expires_in_invalid", http.StatusBadRequest, "An invite cannot last this long."},
	{"max_uses_invalid", http.StatusBadRequest, "Not between 1 and 10,000 uses."},
	{"too_many_invites", http.StatusConflict, "The room has too many live invites; revoke some."},
	{"see_forbidden", http.StatusForbidden, "The caller may not see this room."},
	{"join_forbidden", http.StatusForbidden, "The room is by invitation."},
	{"read_forbidden", http.StatusForbidden, "The caller may not read this room."},
	{"send_forbidden", http.StatusForbidden, "The caller may not write in this room."},
	{"react_forbidden", http.StatusForbidden, "The caller may not react in this room."},
	{"attach_forbidden", http.StatusForbidden, "The caller may not send files in this room."},
	{"report_forbidden", http.StatusForbidden, "The caller may not report messages of this room."},
	{"delete_own_forbidden", http.StatusForbidden, "The caller may not delete their messages in this room."},
	{"delete_forbidden", http.StatusForbidden, "Only the sender and the room's admins delete a message."},
	{"pin_forbidden", http.StatusForbidden, "Only the room's admins pin."},
	{"create_thread_forbidden", http.StatusForbidden, "The caller may not begin threads in this room."},
	{"mention_all_forbidden", http.StatusForbidden, "The caller may not mention everyone."},
	{"invite_forbidden", http.StatusForbidden, "Only the room's admins invite."},
	{"manage_members_forbidden", http.StatusForbidden, "Only the room's admins manage its members."},
	{"manage_room_forbidden", http.StatusForbidden, "Only the room's admins change its settings."},
	{"set_roles_forbidden", http.StatusForbidden, "Only the room's owner changes roles."},
	{"transfer_forbidden", http.StatusForbidden, "The caller cannot hand this room over, or not to this person."},
	{"delete_room_forbidden", http.StatusForbidden, "Only the room's owner deletes it."},

	// Messages.
	{"message_not_found", http.StatusNotFound, "There is no such message, or the caller cannot see it."},
	{"content_empty", http.StatusBadRequest, "A message without files needs text."},
	{"content_too_long", http.StatusBadRequest, "A message has at most 10,000 characters."},
	{"content_invalid", http.StatusBadRequest, "The text is not valid UTF-8 or contains a NUL."},
	{"nonce_invalid", http.StatusBadRequest, "A nonce has at most 64 characters and no control characters."},
	{"parent_deleted", http.StatusBadRequest, "The message replied to was deleted."},
	{"attachment_invalid", http.StatusBadRequest, "A file is not there, not the caller's, or was already sent."},
	{"too_many_attachments", http.StatusBadRequest, "Too many files at once."},
	{"edit_forbidden", http.StatusForbidden, "Only the sender edits a message."},
	{"edit_window_passed", http.StatusForbidden, "The message is too old to be edited."},
	{"message_deleted", http.StatusConflict, "The message was deleted."},
	{"since_invalid", http.StatusBadRequest, "since is a change_seq: a number from 0."},
	{"too_many_pins", http.StatusConflict, "A room has at most 100 pins."},
	{"emoji_invalid", http.StatusBadRequest, "A reaction is one emoji, or :custom:."},
	{"too_many_reactions", http.StatusConflict, "A message has at most 20 different reactions."},
	{"query_empty", http.StatusBadRequest, "A search needs words or a filter."},
	{"query_too_long", http.StatusBadRequest, "The search is too long."},
	{"date_invalid", http.StatusBadRequest, "Write a date as 2026-03-01, or a time of RFC 3339."},
	{"has_invalid", http.StatusBadRequest, "has is attachments, links, or both."},

	// Files.
	{"file_missing", http.StatusBadRequest, "The form has no file."},
	{"upload_invalid", http.StatusBadRequest, "The form is malformed or has too many parts."},
	{"upload_incomplete", http.StatusBadRequest, "The file did not arrive completely."},
	{"attachment_pending", http.StatusConflict, "The file waits to be scanned for malware, and cannot be opened or sent before. Try again later."},
	{"attachment_not_found", http.StatusNotFound, "There is no such file, or the caller cannot see it."},
	{"thumbnail_not_found", http.StatusNotFound, "The file has no small picture."},
	{"picture_not_found", http.StatusNotFound, "There is no such profile picture."},
	{"attachment_empty", http.StatusBadRequest, "The file is empty."},
	{"attachment_too_large", http.StatusRequestEntityTooLarge, "The file is larger than the limit in GET /server."},
	{"type_not_allowed", http.StatusUnsupportedMediaType, "Files of this type are not taken."},
	{"type_mismatch", http.StatusUnsupportedMediaType, "The file is not of the type it was declared as."},
	{"infected", http.StatusBadRequest, "The scanner found malware in the file."},
	{"archive_bomb", http.StatusBadRequest, "The archive unpacks to more than is reasonable."},
	{"archive_unsafe", http.StatusBadRequest, "The archive contains what cannot be checked."},
	{"image_bomb", http.StatusBadRequest, "The image has more pixels than is reasonable."},
	{"image_invalid", http.StatusBadRequest, "The image is damaged."},
	{"range_invalid", http.StatusRequestedRangeNotSatisfiable, "The file has no such range, or too many were asked for."},

	// Notifications.
	{"notification_not_found", http.StatusNotFound, "There is no such notification of the caller's."},
	{"push_disabled", http.StatusNotFound, "The server does not push to browsers."},
	{"push_endpoint_invalid", http.StatusBadRequest, "The endpoint is not a public https address."},
	{"push_keys_invalid", http.StatusBadRequest, "The subscription's keys are malformed."},

	// Moderation and administration.
	{"permission_missing", http.StatusForbidden, "The caller's roles do not have the permission."},
	{"target_above", http.StatusForbidden, "The person does not stand below the caller."},
	{"target_is_self", http.StatusBadRequest, "This cannot be done to oneself."},
	{"banned", http.StatusForbidden, "A ban keeps the person out."},
	{"timed_out", http.StatusForbidden, "A timeout keeps the person out for a while."},
	{"muted", http.StatusForbidden, "A mute: the person reads but cannot write."},
	{"blocked", http.StatusForbidden, "One of the two people blocked the other."},
	{"kind_invalid", http.StatusBadRequest, "A sanction is a ban, mute, timeout or warning."},
	{"until_invalid", http.StatusBadRequest, "The end is missing where it is needed, or lies in the past."},
	{"reason_invalid", http.StatusBadRequest, "A reason is missing or has characters that cannot be shown."},
	{"reason_too_long", http.StatusBadRequest, "The reason is too long."},
	{"sanction_not_here", http.StatusForbidden, "Direct rooms have no sanctions: block the person."},
	{"sanction_not_found", http.StatusNotFound, "There is no such sanction to lift."},
	{"already_reported", http.StatusConflict, "The caller reported this message already."},
	{"report_own", http.StatusForbidden, "Nobody reports their own messages."},
	{"report_not_found", http.StatusNotFound, "There is no such report."},
	{"report_closed", http.StatusConflict, "The report was handled already."},
	{"state_invalid", http.StatusBadRequest, "A report is open, resolved or dismissed."},
	{"note_invalid", http.StatusBadRequest, "The note has characters that cannot be shown."},
	{"note_too_long", http.StatusBadRequest, "The note is too long."},
	{"role_not_found", http.StatusNotFound, "There is no such role."},
	{"role_protected", http.StatusForbidden, "This role cannot be changed in this way."},
	{"role_is_system", http.StatusConflict, "The server's own roles cannot be deleted."},
	{"role_name_invalid", http.StatusBadRequest, "Not 1 to 50 characters that can be seen."},
	{"role_name_taken", http.StatusConflict, "Another role has this name."},
	{"color_invalid", http.StatusBadRequest, "A colour is #rrggbb."},
	{"category_invalid", http.StatusBadRequest, "The category has more than 50 characters, or some that cannot be shown."},
	{"permissions_invalid", http.StatusBadRequest, "The permissions are too many or malformed."},
	{"messages_per_10s_invalid", http.StatusBadRequest, "A role's send limit is -1 or more."},
	{"roles_invalid", http.StatusBadRequest, "The list of roles is too long or names one twice."},
	{"too_many_roles", http.StatusConflict, "The server or the person has too many roles."},
	{"right_invalid", http.StatusBadRequest, "There is no such right in a room."},
	{"rank_invalid", http.StatusBadRequest, "A rank is member, moderator, admin or owner."},
	{"last_owner", http.StatusConflict, "The server must keep an owner."},
	{"title_invalid", http.StatusBadRequest, "Not 1 to 120 characters that can be seen."},
	{"text_invalid", http.StatusBadRequest, "The text is empty or has characters that cannot be shown."},
	{"text_too_long", http.StatusBadRequest, "The text has more than 4,000 characters."},
	{"severity_invalid", http.StatusBadRequest, "Not info, success, warning, danger or system."},
}
