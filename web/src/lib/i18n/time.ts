// Times in the person's zone and language.
import { getLocale } from './paraglide/runtime.js';

const made = new Map<string, Intl.DateTimeFormat>();

/** The language of the interface as it is used where the person lives, if the browser says so: en-GB has other dates than en-US. */
function place(): string {
	const language = getLocale();
	return navigator.languages.find((l) => l.split('-')[0] === language) ?? language;
}

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const key = JSON.stringify(options) + place() + hours;
	let f = made.get(key);
	if (!f) {
		f = new Intl.DateTimeFormat(place(), hours === 'system' || !options.hour ? options : { ...options, hour12: hours === 'yes' });
		made.set(key, f);
	}
	return f;
}

let hours: 'system' | 'yes' | 'no' = 'system';

/** Chooses between 12 and 24 hours. */
export function setHours(choice: 'system' | 'yes' | 'no') {
	hours = choice;
}

const date = (t: string | Date) => (typeof t === 'string' ? new Date(t) : t);

/** 14:05 */
export const clock = (t: string | Date) => format({ hour: 'numeric', minute: '2-digit' }).format(date(t));
/** Friday, 20 November 2026 */
export const longDay = (t: string | Date) => format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(date(t));
/** 20 Nov */
export const shortDay = (t: string | Date) => format({ day: 'numeric', month: 'short' }).format(date(t));
/** 20 Nov 2026, 14:05 */
export const dayAndTime = (t: string | Date) => format({ day: 'numeric', month: 'short', year: 'numeric', hour: 'numeric', minute: '2-digit' }).format(date(t));
/** The complete time, for tooltips. */
export const exact = (t: string | Date) => format({ dateStyle: 'full', timeStyle: 'medium' } as Intl.DateTimeFormatOptions).format(date(t));

/** A key that is the same for times of one day in the person's zone. */
export function dayKey(t: string | Date): string {
	const d = date(t);
	return `${d.getFullYear()}-${d.getMonth() + 1}-${d.getDate()}`;
}

/** "Today", "Yesterday", or the day. */
export function dayName(t: string | Date, now = new Date()): string {
	const days = Math.round((midnight(now) - midnight(date(t))) / 86_400_000);
	if (days === 0 || days === 1) return capitalised(new Intl.RelativeTimeFormat(getLocale(), { numeric: 'auto' }).format(-days, 'day'));
	const sameYear = date(t).getFullYear() === now.getFullYear();
	return format({ weekday: 'long', day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) } as Intl.DateTimeFormatOptions).format(date(t));
}

/** 14:05 today, otherwise a short date: for lists. */
export function shortStamp(t: string | Date, now = new Date()): string {
	const d = date(t);
	if (midnight(now) === midnight(d)) return clock(d);
	if (now.getTime() - d.getTime() < 6 * 86_400_000) return format({ weekday: 'short' }).format(d);
	return format({ day: 'numeric', month: 'short', ...(d.getFullYear() === now.getFullYear() ? {} : { year: '2-digit' }) } as Intl.DateTimeFormatOptions).format(d);
}

/** "3 minutes ago", "in 2 hours". */
export function relative(t: string | Date, now = Date.now()): string {
	const seconds = Math.round((date(t).getTime() - now) / 1000);
	const rtf = new Intl.RelativeTimeFormat(getLocale(), { numeric: 'auto' });
	for (const [unit, size] of [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3600], ['minute', 60]] as const) {
		if (Math.abs(seconds) >= size) return rtf.format(Math.trunc(seconds / size), unit);
	}
	return rtf.format(0, 'second');
}

/** "9 min 12 sec", "2 days 3 hr": two units at most, rounded up, so that nothing seems over before it is. */
export function duration(milliseconds: number): string {
	const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
	const sizes = { day: 86_400, hour: 3600, minute: 60, second: 1 };
	const [large, small] = seconds >= sizes.day ? (['day', 'hour'] as const) : seconds >= sizes.hour ? (['hour', 'minute'] as const) : (['minute', 'second'] as const);
	const whole = Math.ceil(seconds / sizes[small]) * sizes[small];
	const counts = [[large, Math.floor(whole / sizes[large])], [small, (whole % sizes[large]) / sizes[small]]] as const;
	const shown = counts.filter(([unit, count]) => count > 0 || (unit === 'second' && whole === 0));
	return shown.map(([unit, count]) => new Intl.NumberFormat(getLocale(), { style: 'unit', unit, unitDisplay: 'short' }).format(count)).join(' ');
}

/** 1.2 MB */
export function bytes(n: number): string {
	const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
	let i = 0;
	for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
	return new Intl.NumberFormat(getLocale(), { style: 'unit', unit: units[i], unitDisplay: i ? 'short' : 'long', maximumFractionDigits: n < 10 && i ? 1 : 0 }).format(n);
}

/** 1,234 */
export const number = (n: number) => new Intl.NumberFormat(getLocale()).format(n);

const midnight = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
const capitalised = (s: string) => s.charAt(0).toLocaleUpperCase(getLocale()) + s.slice(1);
