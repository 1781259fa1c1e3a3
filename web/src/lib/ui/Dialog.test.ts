import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { describe, expect, test, vi } from 'vitest';
import ConfirmDialog from './ConfirmDialog.svelte';
import DialogFixture from './fixtures/DialogFixture.svelte';

async function open(props: Record<string, unknown> = {}) {
	render(DialogFixture, props);
	const opener = screen.getByRole('button', { name: 'Open' });
	opener.focus();
	await fireEvent.click(opener);
	return { opener, dialog: screen.getByRole('dialog') };
}

describe('Dialog', () => {
	test('is named by its title and described by its description', async () => {
		const { dialog } = await open();
		const text = (attribute: string) => document.getElementById(dialog.getAttribute(attribute)!)?.textContent;
		expect(text('aria-labelledby')).toBe('Edit');
		expect(text('aria-describedby')).toBe('What others see.');
	});

	test('gives the focus to the control that asks for it', async () => {
		await open({ autofocus: true });
		expect(document.activeElement).toBe(screen.getByLabelText('Name'));
	});

	test('returns the focus when a button closes it', async () => {
		const { opener } = await open();
		await fireEvent.click(screen.getByRole('button', { name: 'Done' }));
		expect(screen.queryByRole('dialog')).toBeNull();
		expect(document.activeElement).toBe(opener);
	});

	test('closes with Escape, once, and returns the focus', async () => {
		const onclose = vi.fn();
		const { opener, dialog } = await open({ onclose });
		await fireEvent.keyDown(dialog, { key: 'Escape' });
		expect(screen.queryByRole('dialog')).toBeNull();
		expect(document.activeElement).toBe(opener);
		expect(onclose).toHaveBeenCalledTimes(1);
	});

	test('returns the focus to what is around when the opener is gone', async () => {
		await open();
		await fireEvent.click(screen.getByRole('button', { name: 'Take the opener away' }));
		await fireEvent.click(screen.getByRole('button', { name: 'Done' }));
		expect(document.activeElement).toBe(screen.getByLabelText('Place'));
	});

	test('closes by a press outside, not by one that began inside', async () => {
		const { dialog } = await open();
		vi.spyOn(dialog, 'getBoundingClientRect').mockReturnValue(new DOMRect(100, 100, 200, 200));
		await fireEvent.pointerDown(dialog, { clientX: 150, clientY: 150 });
		await fireEvent.click(dialog, { clientX: 5, clientY: 5 });
		expect(screen.queryByRole('dialog')).not.toBeNull();
		await fireEvent.pointerDown(dialog, { clientX: 5, clientY: 5 });
		await fireEvent.click(dialog, { clientX: 5, clientY: 5 });
		expect(screen.queryByRole('dialog')).toBeNull();
	});

	test('one that must be answered ignores Escape and the back gesture', async () => {
		const { dialog } = await open({ dismissible: false });
		await fireEvent.keyDown(dialog, { key: 'Escape' });
		await fireEvent(dialog, new Event('cancel', { cancelable: true }));
		expect(screen.queryByRole('dialog')).not.toBeNull();
		expect(screen.queryByRole('button', { name: 'Close' })).toBeNull();
	});
});

describe('ConfirmDialog', () => {
	const typed = { open: true, title: 'Delete?', typed: 'general', danger: true, confirmLabel: 'Delete' };

	test('can be confirmed only once the words are typed', async () => {
		const onconfirm = vi.fn();
		render(ConfirmDialog, { ...typed, onconfirm });
		const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Delete' });
		const field = screen.getByRole('textbox');
		expect(document.activeElement).toBe(field);
		expect(button.disabled).toBe(true);
		await fireEvent.input(field, { target: { value: 'genera' } });
		await fireEvent.submit(field.closest('form')!);
		expect(onconfirm).not.toHaveBeenCalled();
		await fireEvent.input(field, { target: { value: 'general' } });
		expect(button.disabled).toBe(false);
		await fireEvent.submit(field.closest('form')!);
		expect(onconfirm).toHaveBeenCalledTimes(1);
		await vi.waitFor(() => expect(screen.queryByRole('alertdialog')).toBeNull());
	});

	test('starts at the button that does no harm', () => {
		render(ConfirmDialog, { ...typed, typed: undefined, onconfirm: () => {} });
		expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Cancel' }));
	});

	test('stays, busy, until it is done, and when it was not done', async () => {
		let finish: (done: boolean) => void = () => {};
		const onconfirm = vi.fn(() => new Promise<boolean>((resolve) => (finish = resolve)));
		render(ConfirmDialog, { open: true, title: 'Leave?', confirmLabel: 'Leave', onconfirm });
		const form = document.querySelector('form')!;
		await fireEvent.submit(form);
		await fireEvent.submit(form);
		expect(onconfirm).toHaveBeenCalledTimes(1);
		expect(document.querySelector('[aria-busy="true"]')).not.toBeNull();
		finish(false);
		await vi.waitFor(() => expect(document.querySelector('[aria-busy="true"]')).toBeNull());
		await tick();
		expect(screen.queryByRole('alertdialog')).not.toBeNull();
	});
});
