import { fireEvent, render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import MenuFixture from './fixtures/MenuFixture.svelte';
import type { MenuItem } from './MenuPanel.svelte';

const edit = vi.fn();
const items: MenuItem[] = [
	{ kind: 'heading', label: 'Message' },
	{ label: 'Reply' },
	{ label: 'Edit', onselect: edit },
	{ label: 'Off', disabled: true },
	{ kind: 'separator' },
	{ kind: 'checkbox', label: 'Remind me', checked: true },
	{ label: 'Éclair' },
];

const focused = () => document.activeElement?.textContent?.trim();
const press = (key: string) => fireEvent.keyDown(document.activeElement!, { key });

describe('Menu', () => {
	beforeEach(() => edit.mockClear());

	async function open() {
		render(MenuFixture, { items });
		const trigger = screen.getByRole('button', { name: 'More' });
		trigger.focus();
		await fireEvent.click(trigger);
		await vi.waitFor(() => expect(focused()).toBe('Reply'));
		return trigger;
	}

	test('tells what it is and whether it is open', async () => {
		const trigger = await open();
		expect(trigger.getAttribute('aria-haspopup')).toBe('menu');
		expect(trigger.getAttribute('aria-expanded')).toBe('true');
		expect(screen.getByRole('menu', { name: 'Actions' })).toBeTruthy();
		expect(screen.getByRole('menuitemcheckbox', { name: 'Remind me' }).getAttribute('aria-checked')).toBe('true');
	});

	test('arrows walk around and leave out what cannot be chosen', async () => {
		await open();
		const way = [];
		for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'Home', 'End']) {
			await press(key);
			way.push(focused());
		}
		expect(way).toEqual(['Edit', 'Remind me', 'Éclair', 'Reply', 'Éclair', 'Reply', 'Éclair']);
	});

	test('letters lead to what begins with them', async () => {
		await open();
		await press('e');
		expect(focused()).toBe('Edit');
	});

	test('the same letter again leads to the next one', async () => {
		await open();
		await press('r');
		expect(focused()).toBe('Remind me');
		await press('r');
		expect(focused()).toBe('Reply');
	});

	test('Escape closes it and returns the focus', async () => {
		const trigger = await open();
		await press('Escape');
		expect(screen.queryByRole('menu')).toBeNull();
		expect(document.activeElement).toBe(trigger);
	});

	test('choosing closes it, returns the focus, and then does it', async () => {
		const trigger = await open();
		let focusThen: Element | null = null;
		edit.mockImplementation(() => (focusThen = document.activeElement));
		await fireEvent.click(screen.getByRole('menuitem', { name: 'Edit' }));
		expect(screen.queryByRole('menu')).toBeNull();
		await vi.waitFor(() => expect(edit).toHaveBeenCalledTimes(1));
		expect(focusThen).toBe(trigger);
	});

	test('what is disabled does nothing', async () => {
		await open();
		await fireEvent.click(screen.getByRole('menuitem', { name: 'Off' }));
		expect(screen.queryByRole('menu')).not.toBeNull();
	});

	test('an arrow on the trigger opens it', async () => {
		render(MenuFixture, { items });
		screen.getByRole('button', { name: 'More' }).focus();
		await press('ArrowDown');
		expect(screen.queryByRole('menu')).not.toBeNull();
	});

	test('a press on the trigger closes it and does not open it again', async () => {
		const trigger = await open();
		await fireEvent.pointerDown(trigger);
		screen.getByRole('menu').hidePopover(); // as the browser does for a press outside
		await vi.waitFor(() => expect(screen.queryByRole('menu')).toBeNull());
		await fireEvent.click(trigger);
		expect(screen.queryByRole('menu')).toBeNull();
		await fireEvent.pointerDown(trigger);
		await fireEvent.click(trigger);
		expect(screen.queryByRole('menu')).not.toBeNull();
	});
});

describe('ContextMenu', () => {
	test('opens instead of that of the browser', async () => {
		render(MenuFixture, { items });
		const kept = await fireEvent.contextMenu(screen.getByTestId('area'), { clientX: 10, clientY: 10 });
		expect(kept).toBe(false);
		expect(screen.getByRole('menu', { name: 'Here' })).toBeTruthy();
	});

	test('leaves fields and clicks with Shift to the browser', async () => {
		render(MenuFixture, { items });
		expect(await fireEvent.contextMenu(screen.getByLabelText('Field'))).toBe(true);
		expect(await fireEvent.contextMenu(screen.getByTestId('area'), { shiftKey: true })).toBe(true);
		expect(screen.queryByRole('menu')).toBeNull();
	});
});
