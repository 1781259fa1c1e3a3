import { fireEvent, render, screen } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import PasswordField from './PasswordField.svelte';
import Select from './Select.svelte';
import Slider from './Slider.svelte';
import Switch from './Switch.svelte';
import TextArea from './TextArea.svelte';
import TextField from './TextField.svelte';

const described = (element: HTMLElement) => element.getAttribute('aria-describedby')?.split(' ').map((id) => document.getElementById(id)?.textContent?.trim());

describe('a field', () => {
	test('ties label, hint and error to its control', () => {
		render(TextField, { label: 'Name', hint: 'Everyone sees it.', error: 'Too short.', required: true });
		const input = screen.getByLabelText<HTMLInputElement>('Name');
		expect(described(input)).toEqual(['Too short.', 'Everyone sees it.']);
		expect(input.getAttribute('aria-invalid')).toBe('true');
		expect(input.required).toBe(true);
	});

	test('says nothing of errors and hints that are not there', () => {
		render(TextArea, { label: 'About', error: null });
		const area = screen.getByLabelText('About');
		expect(area.hasAttribute('aria-describedby')).toBe(false);
		expect(area.hasAttribute('aria-invalid')).toBe(false);
	});

	test('keeps a hidden label for screen readers', () => {
		render(Select, { label: 'Order', hideLabel: true, value: 1, options: [{ value: 1, label: 'One' }, { value: 2, label: 'Two' }] });
		expect(screen.getByRole('combobox', { name: 'Order' })).toBeTruthy();
	});

	test('is emptied by its button, which gives the focus back', async () => {
		render(TextField, { label: 'Search', value: 'x', clearable: true });
		await fireEvent.click(screen.getByRole('button'));
		const input = screen.getByLabelText<HTMLInputElement>('Search');
		expect(input.value).toBe('');
		expect(document.activeElement).toBe(input);
		expect(screen.queryByRole('button')).toBeNull();
	});
});

test('a password can be shown and hidden', async () => {
	render(PasswordField, { label: 'Password', value: 'secret', autocomplete: 'current-password' });
	const input = screen.getByLabelText<HTMLInputElement>('Password');
	expect(input.type).toBe('password');
	await fireEvent.click(screen.getByRole('button', { name: 'Show password' }));
	expect(input.type).toBe('text');
	await fireEvent.click(screen.getByRole('button', { name: 'Hide password' }));
	expect(input.type).toBe('password');
});

test('a switch is one, with its hint as description', () => {
	render(Switch, { label: 'Sounds', hint: 'When something comes.', checked: true });
	const input = screen.getByRole<HTMLInputElement>('switch');
	expect(input.checked).toBe(true);
	expect(described(input)).toEqual(['When something comes.']);
});

test('a slider says its value in words', async () => {
	render(Slider, { label: 'Volume', value: 30, format: (v: number) => `${v} percent` });
	const input = screen.getByRole('slider', { name: 'Volume' });
	expect(input.getAttribute('aria-valuetext')).toBe('30 percent');
	await fireEvent.input(input, { target: { value: '40' } });
	expect(input.getAttribute('aria-valuetext')).toBe('40 percent');
});
