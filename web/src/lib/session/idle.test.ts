import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Idle } from './idle';

describe('a page that nobody looks at', () => {
	let told: boolean[];
	let idle: Idle;
	let coarse = false;

	function visible(state: 'visible' | 'hidden') {
		vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
		document.dispatchEvent(new Event('visibilitychange'));
	}

	beforeEach(() => {
		vi.useFakeTimers();
		vi.stubGlobal('matchMedia', () => ({ matches: coarse }));
		told = [];
		idle = new Idle((i) => told.push(i));
	});

	afterEach(() => {
		idle.stop();
		coarse = false;
		vi.restoreAllMocks();
		vi.unstubAllGlobals();
		vi.useRealTimers();
	});

	it('is left five minutes after the last sign of the person', () => {
		idle.start();
		vi.advanceTimersByTime(4 * 60_000);
		dispatchEvent(new Event('keydown'));
		vi.advanceTimersByTime(4 * 60_000);
		expect(told).toEqual([]);
		vi.advanceTimersByTime(60_000);
		expect(told).toEqual([true]);
		dispatchEvent(new Event('pointermove'));
		expect(told).toEqual([true, false]);
	});

	it('may be out of sight for a moment', () => {
		idle.start();
		visible('hidden');
		vi.advanceTimersByTime(29_000);
		visible('visible');
		vi.advanceTimersByTime(60_000);
		expect(told).toEqual([]);
		visible('hidden');
		vi.advanceTimersByTime(30_000);
		expect(told).toEqual([true]);
		dispatchEvent(new Event('pointermove')); // over what hides it
		expect(told).toEqual([true]);
		visible('visible');
		expect(told).toEqual([true, false]);
	});

	it('is left at once on a phone', () => {
		coarse = true;
		idle.start();
		visible('hidden');
		expect(told).toEqual([true]);
	});

	it('that opens out of sight is left soon', () => {
		vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
		idle.start();
		vi.advanceTimersByTime(30_000);
		expect(told).toEqual([true]);
	});

	it('tells nothing once it is stopped', () => {
		idle.start();
		idle.stop();
		vi.advanceTimersByTime(3_600_000);
		visible('hidden');
		vi.advanceTimersByTime(3_600_000);
		expect(told).toEqual([]);
		expect(idle.now).toBe(false);
	});
});
