import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import ToastsFixture from './fixtures/ToastsFixture.svelte';
import { ToastQueue } from './toast.svelte';

describe('toasts', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());

	async function setup(props: { dialog?: boolean } = {}) {
		const queue = new ToastQueue();
		render(ToastsFixture, { queue, ...props });
		await tick();
		const said = (where: string, role: 'status' | 'alert') => screen.getByTestId(where).querySelector(`[role="${role}"]`)!.textContent;
		return { queue, said };
	}

	test('are read aloud and do not take the focus', async () => {
		const { queue, said } = await setup();
		queue.show({ text: 'Saved', kind: 'success' });
		await tick();
		expect(said('page', 'status')).toBe('Saved');
		expect(document.activeElement).toBe(document.body);
	});

	test('errors interrupt', async () => {
		const { queue, said } = await setup();
		queue.show({ text: 'Not sent', kind: 'error' });
		await tick();
		expect(said('page', 'alert')).toBe('Not sent');
		expect(said('page', 'status')).toBe('');
	});

	test('are read inside of an open dialog, as all else is silent then', async () => {
		const { queue, said } = await setup({ dialog: true });
		queue.show({ text: 'Saved' });
		await tick();
		expect(said('dialog', 'status')).toBe('Saved');
		expect(said('page', 'status')).toBe('');
	});

	test('go after their time, but not while someone points at them', async () => {
		const { queue } = await setup();
		queue.show({ text: 'Saved', duration: 1000 });
		await tick();
		await fireEvent.pointerEnter(screen.getByText('Saved', { selector: 'p' }).closest('section')!);
		vi.advanceTimersByTime(5000);
		expect(queue.entries).toHaveLength(1);
		await fireEvent.pointerLeave(screen.getByText('Saved', { selector: 'p' }).closest('section')!);
		vi.advanceTimersByTime(1000);
		expect(queue.entries).toHaveLength(0);
	});

	test('the action runs once and closes', async () => {
		const { queue } = await setup();
		const run = vi.fn();
		queue.show({ text: 'Deleted', action: { label: 'Undo', run } });
		await tick();
		await fireEvent.click(screen.getByText('Undo'));
		expect(run).toHaveBeenCalledTimes(1);
		expect(queue.entries).toHaveLength(0);
	});

	test('the same text is shown once, and at most four at a time', async () => {
		const { queue } = await setup();
		for (const text of ['a', 'a', 'b', 'c', 'd', 'e']) queue.show({ text });
		expect(queue.entries.map((entry) => entry.text)).toEqual(['b', 'c', 'd', 'e']);
	});
});
