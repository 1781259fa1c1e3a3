import { describe, expect, it } from 'vitest';
import { quiet } from './quiet';

// 2026-11-20 was a Friday.
const at = (time: string, day = 20) => new Date(`2026-11-${day}T${time}:00Z`);
const nights = { from: '22:00', to: '07:00', time_zone: 'UTC' };

describe('do not disturb', () => {
	for (const [name, setting, now, want] of [
		['nothing set is never quiet', undefined, at('23:00'), false],
		['the night before midnight', nights, at('23:00'), true],
		['the night after midnight', nights, at('06:59'), true],
		['the morning', nights, at('07:00'), false],
		['hours within a day', { ...nights, from: '12:00', to: '13:00' }, at('12:30'), true],
		['a time zone of its own', { ...nights, time_zone: 'Asia/Tokyo' }, at('14:00'), true],
		['a day that is not among the days', { ...nights, days: [1] }, at('23:00'), false],
		['a night that began on one of the days', { ...nights, days: [5] }, at('03:00', 21), true],
		['a night that began the day before', { ...nights, days: [5] }, at('03:00', 20), false],
		['nonsense is never quiet', { from: 'x', to: 1 }, at('23:00'), false],
		['a time zone that does not exist', { ...nights, time_zone: 'Mars/Olympus' }, at('23:00'), false],
		['no time at all', { ...nights, from: '07:00' }, at('07:00'), false],
	] as const) {
		it(name, () => expect(quiet(setting, now)).toBe(want));
	}
});
