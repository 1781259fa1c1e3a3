// Turns any failure into words for the person it happened to.
import { getLocale, m } from '$lib/i18n';
import { ApiError, NetworkError } from './client';

// The server's own words are English and exact; in other languages these stand for the refusals that people meet.
const byCode: Record<string, () => string> = {
	rate_limited: m.error_rate_limited,
	unavailable: m.error_unavailable,
	files_unavailable: m.error_unavailable,
	scan_unavailable: m.error_unavailable,
	busy: m.error_unavailable,
	login_failed: m.error_credentials,
	username_taken: m.error_username_taken,
	totp_wrong: m.error_totp,
	muted: m.error_muted,
	too_old: m.error_too_old,
	attachment_too_large: m.error_too_large,
	body_too_large: m.error_too_large,
	infected: m.error_infected,
	edit_window_passed: m.error_edit_window,
	blocked: m.error_blocked,
	room_not_found: m.error_room_not_found,
	message_not_found: m.error_message_not_found,
	message_deleted: m.error_message_not_found,
	poll_ended: m.error_poll_closed,
	poll_expired: m.error_poll_closed,
	poll_invalid: m.error_poll_invalid,
	too_many_webhooks: m.error_too_many_webhooks,
	avatar_invalid: m.error_avatar_address,
	invite_invalid: m.error_invite,
	invite_not_found: m.error_invite,
};

/** What to tell a person about a failure: what is wrong and what to do. */
export function errorText(err: unknown): string {
	if (err instanceof NetworkError) return m.error_network();
	if (err instanceof ApiError) return refusalText(err.code, err.detail, err.status);
	return m.error_unknown();
}

/** The same for a refusal that was kept: its code and the server's words. */
export function refusalText(code: string, detail: string, status = 0): string {
	const own = byCode[code];
	if (own && (!detail || getLocale() !== 'en')) return own();
	if (detail) return detail;
	if (status === 403 || code.endsWith('_forbidden')) return m.error_forbidden();
	return m.error_unknown();
}

/** What is wrong with one field of a form; empty if nothing is. */
export function fieldError(err: unknown, field: string): string {
	return err instanceof ApiError ? (err.fields.find((f) => f.field === field)?.message ?? '') : '';
}
