import { describe, expect, it } from 'vitest';
import { bytes, dayKey, dayName, duration, relative, setHours, clock, shortStamp } from './time';

const now = new Date(2026, 10, 20, 14, 5);
const ago = (days: number, hours = 12) => new Date(2026, 10, 20 - days, hours);

describe('times', () => {
	it('name the days near today', () => {
		expect(dayName(ago(0), now)).toBe('Today');
		expect(dayName(ago(1, 23), now)).toBe('Yesterday');
		expect(dayName(ago(2, 0), now)).toContain('Wednesday');
		expect(dayName(new Date(2025, 0, 2), now)).toContain('2025');
	});

	it('keep days apart in the zone of the person', () => {
		expect(dayKey(ago(0, 0))).toBe(dayKey(ago(0, 23)));
		expect(dayKey(ago(1, 23))).not.toBe(dayKey(ago(0, 0)));
	});

	it('get shorter the older they are', () => {
		expect(shortStamp(ago(0, 9), now)).toMatch(/9:00/);
		expect(shortStamp(ago(3), now)).toBe('Tue');
		expect(shortStamp(ago(30), now)).toMatch(/Oct/);
		expect(shortStamp(new Date(2024, 1, 1), now)).toMatch(/24/);
	});

	it('say how long ago', () => {
		expect(relative(new Date(now.getTime() - 3 * 60_000), now.getTime())).toBe('3 minutes ago');
		expect(relative(new Date(now.getTime() + 2 * 3600_000), now.getTime())).toBe('in 2 hours');
		expect(relative(now, now.getTime())).toBe('now');
	});

	it.each([
		[0, '0 sec'],
		[1, '1 sec'],
		[59_001, '1 min'],
		[552_000, '9 min 12 sec'],
		[600_000, '10 min'],
		[3_600_000 + 1, '1 hr 1 min'],
		[2 * 86_400_000 + 3 * 3_600_000, '2 days 3 hr'],
	])('say how long %i ms last', (ms, text) => expect(duration(ms)).toBe(text));

	it('have the hours that were chosen', () => {
		setHours('no');
		expect(clock(now)).toBe('14:05');
		setHours('yes');
		expect(clock(now)).toMatch(/2:05/);
		setHours('system');
	});

	it('count bytes as people do', () => {
		expect(bytes(0)).toBe('0 bytes');
		expect(bytes(999)).toBe('999 bytes');
		expect(bytes(1_234_567)).toBe('1.2 MB');
		expect(bytes(25_000_000)).toBe('25 MB');
	});
});
