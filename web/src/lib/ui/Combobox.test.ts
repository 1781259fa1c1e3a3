import { fireEvent, render, screen } from '@testing-library/svelte';
import { describe, expect, test, vi } from 'vitest';
import ComboboxFixture from './fixtures/ComboboxFixture.svelte';
import { ListCursor } from './list-cursor.svelte';

const all = ['Apple', 'Apricot', 'Banana'];

function setup(props: { inline?: boolean } = {}) {
	const onpick = vi.fn();
	render(ComboboxFixture, { all, onpick, ...props });
	const field = screen.getByRole('combobox', { name: 'Fruit' });
	field.focus();
	const type = (value: string) => fireEvent.input(field, { target: { value } });
	const press = (key: string) => fireEvent.keyDown(field, { key });
	const active = () => document.getElementById(field.getAttribute('aria-activedescendant') ?? '')?.textContent?.trim();
	return { onpick, field, type, press, active };
}

describe('Combobox', () => {
	test('shows what fits and points at the first without taking the focus', async () => {
		const { field, type, active } = setup();
		expect(field.getAttribute('aria-expanded')).toBe('false');
		await type('ap');
		expect(field.getAttribute('aria-expanded')).toBe('true');
		expect(screen.getAllByRole('option').map((o) => o.textContent?.trim())).toEqual(['Apple', 'Apricot']);
		expect(field.getAttribute('aria-controls')).toBe(screen.getByRole('listbox').id);
		expect(active()).toBe('Apple');
		expect(document.activeElement).toBe(field);
	});

	test('arrows move around, Enter picks and closes', async () => {
		const { onpick, type, press, active } = setup();
		await type('ap');
		await press('ArrowDown');
		expect(active()).toBe('Apricot');
		await press('ArrowDown');
		expect(active()).toBe('Apple');
		await press('ArrowUp');
		await press('Enter');
		expect(onpick).toHaveBeenCalledWith('Apricot');
		expect(screen.queryByRole('listbox')).toBeNull();
	});

	test('typing on goes back to the first', async () => {
		const { type, press, active } = setup();
		await type('a');
		await press('ArrowDown');
		await type('ap');
		expect(active()).toBe('Apple');
	});

	test('Escape closes the list and keeps what is typed', async () => {
		const { field, type, press } = setup();
		await type('b');
		await press('Escape');
		expect(screen.queryByRole('listbox')).toBeNull();
		expect((field as HTMLInputElement).value).toBe('b');
		await press('ArrowDown');
		expect(screen.queryByRole('listbox')).not.toBeNull();
	});

	test('says aloud when nothing fits', async () => {
		const { type } = setup();
		await type('x');
		expect(screen.getByRole('status').textContent).not.toBe('');
	});

	test('a click picks', async () => {
		const { onpick, type } = setup();
		await type('b');
		await fireEvent.click(screen.getByRole('option', { name: 'Banana' }));
		expect(onpick).toHaveBeenCalledWith('Banana');
	});

	test('inline it shows everything at once', () => {
		setup({ inline: true });
		expect(screen.getAllByRole('option')).toHaveLength(3);
	});
});

describe('ListCursor', () => {
	const key = (name: string, more: KeyboardEventInit = {}) => new KeyboardEvent('keydown', { key: name, cancelable: true, ...more });

	test('leaves alone what is not its business', () => {
		const pick = vi.fn();
		const cursor = new ListCursor({ id: 'x', items: () => all, pick });
		const rows: [string, KeyboardEventInit?][] = [['a'], ['Tab'], ['Escape'], ['Enter', { shiftKey: true }], ['Enter', { ctrlKey: true }], ['Enter', { isComposing: true }]];
		for (const [name, more] of rows) expect(cursor.keydown(key(name, more)), name).toBe(false);
		expect(pick).not.toHaveBeenCalled();
	});

	test('Tab picks where that is wished, and without options nothing is handled', () => {
		const pick = vi.fn();
		let items = all;
		const cursor = new ListCursor({ id: 'x', items: () => items, pick, tabPicks: true });
		expect(cursor.keydown(key('Tab'))).toBe(true);
		expect(pick).toHaveBeenCalledWith('Apple');
		items = [];
		expect(cursor.activeId).toBeUndefined();
		for (const name of ['ArrowDown', 'Enter', 'Tab']) expect(cursor.keydown(key(name)), name).toBe(false);
	});

	test('stays inside of a list that became shorter', () => {
		let items = all;
		const cursor = new ListCursor({ id: 'x', items: () => items, pick: () => {} });
		cursor.keydown(key('ArrowUp'));
		expect(cursor.index).toBe(2);
		items = ['Apple'];
		expect(cursor.activeId).toBe('x-0');
	});
});
