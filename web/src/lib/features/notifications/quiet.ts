/** When a person does not want to be disturbed, as the account's settings keep it. */
export interface DoNotDisturb {
	/** "22:00" in the time zone; the hours may pass midnight. */
	from: string;
	to: string;
	time_zone?: string;
	/** 0 is Sunday; the days on which the hours begin. None given: every day. */
	days?: number[];
}

const minutes = (s: string): number => {
	const found = /^(\d{1,2}):(\d{2})$/.exec(s);
	return found ? Number(found[1]) * 60 + Number(found[2]) : NaN;
};

/** Whether the settings say that now is a time of quiet. Anything that is no such setting says no. */
export function quiet(setting: unknown, now = new Date()): boolean {
	if (!setting || typeof setting !== 'object') return false;
	const { from, to, time_zone, days } = setting as Partial<DoNotDisturb>;
	if (typeof from !== 'string' || typeof to !== 'string') return false;
	const begin = minutes(from);
	const end = minutes(to);
	if (Number.isNaN(begin) || Number.isNaN(end) || begin === end) return false;
	let parts: Intl.DateTimeFormatPart[];
	try {
		parts = new Intl.DateTimeFormat('en-US', { timeZone: time_zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(now);
	} catch {
		return false; // a time zone that this browser does not know
	}
	const part = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
	const at = Number(part('hour')) * 60 + Number(part('minute'));
	const today = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(part('weekday'));
	const on = (day: number) => !Array.isArray(days) || days.length === 0 || days.includes((day + 7) % 7);
	if (begin < end) return at >= begin && at < end && on(today);
	return (at >= begin && on(today)) || (at < end && on(today - 1));
}
