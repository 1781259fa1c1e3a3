// How long a ban or a mute can last, for choosing.
import { m } from '$lib/i18n';

const hour = 3_600_000;

export type Duration = 'hour' | 'day' | 'week' | 'month' | 'ever';

const spans: Record<Duration, number | null> = { hour, day: 24 * hour, week: 7 * 24 * hour, month: 30 * 24 * hour, ever: null };

export const durations = (): { value: Duration; label: string }[] => [
	{ value: 'hour', label: m.duration_hour() },
	{ value: 'day', label: m.duration_day() },
	{ value: 'week', label: m.duration_week() },
	{ value: 'month', label: m.duration_month() },
	{ value: 'ever', label: m.duration_ever() },
];

/** The end of a measure that begins now; null for one that lasts until it is lifted. */
export function until(d: Duration, now = Date.now()): string | null {
	const span = spans[d];
	return span === null ? null : new Date(now + span).toISOString();
}

/** What can be done to a member that needs a question first. */
export type Measure = 'remove' | 'mute' | 'ban' | 'transfer';
