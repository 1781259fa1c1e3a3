import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tooltip } from './tooltip';

describe('tooltip', () => {
	const taken: (() => void)[] = [];
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => {
		for (const take of taken.splice(0)) take();
		vi.advanceTimersByTime(1000); // so that the next test does not pass from one to the next
		vi.useRealTimers();
		document.body.replaceChildren();
	});

	function button(text: string | (() => string | undefined), describe = false) {
		const element = document.createElement('button');
		document.body.append(element);
		const detach = tooltip(text, { describe })(element)!;
		taken.push(detach);
		return { element, detach };
	}
	const shown = () => document.querySelector('[role="tooltip"]')?.textContent;
	const enter = (element: Element, pointerType = 'mouse') => element.dispatchEvent(new PointerEvent('pointerenter', { pointerType }));
	const leave = (element: Element) => element.dispatchEvent(new PointerEvent('pointerleave'));

	test('comes after a while and goes when the pointer leaves', () => {
		const { element } = button('Bold');
		enter(element);
		expect(shown()).toBeUndefined();
		vi.advanceTimersByTime(500);
		expect(shown()).toBe('Bold');
		leave(element);
		vi.advanceTimersByTime(100);
		expect(shown()).toBeUndefined();
	});

	test('the next one comes at once', () => {
		const [a, b] = [button('Bold').element, button('Italic').element];
		enter(a);
		vi.advanceTimersByTime(500);
		leave(a);
		enter(b);
		vi.advanceTimersByTime(1);
		expect(shown()).toBe('Italic');
	});

	test('stays while the pointer is on it', () => {
		const { element } = button('Bold');
		enter(element);
		vi.advanceTimersByTime(500);
		leave(element);
		document.querySelector('[role="tooltip"]')!.dispatchEvent(new PointerEvent('pointerenter'));
		vi.advanceTimersByTime(1000);
		expect(shown()).toBe('Bold');
	});

	test('Escape hides it and does nothing else', () => {
		const { element } = button('Bold');
		enter(element);
		vi.advanceTimersByTime(500);
		const event = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true });
		element.dispatchEvent(event);
		expect(shown()).toBeUndefined();
		expect(event.defaultPrevented).toBe(true);
	});

	test('describes the control while it is shown, beside what describes it already', () => {
		const { element } = button('More about it', true);
		element.setAttribute('aria-describedby', 'hint');
		enter(element);
		vi.advanceTimersByTime(500);
		expect(element.getAttribute('aria-describedby')).toBe(`hint ${document.querySelector('[role="tooltip"]')!.id}`);
		element.dispatchEvent(new PointerEvent('pointerdown'));
		expect(element.getAttribute('aria-describedby')).toBe('hint');
	});

	test('does not come for a finger, nor for a text that is not there', () => {
		const { element } = button('Bold');
		enter(element, 'touch');
		enter(button(() => undefined).element);
		vi.advanceTimersByTime(1000);
		expect(shown()).toBeUndefined();
	});

	test('goes with its element, and taking away another does not disturb it', () => {
		const [a, b] = [button('Bold'), button('Italic')];
		enter(a.element);
		b.detach();
		vi.advanceTimersByTime(500);
		expect(shown()).toBe('Bold');
		a.detach();
		expect(shown()).toBeUndefined();
	});
});
