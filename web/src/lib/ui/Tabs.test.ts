import { fireEvent, render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import TabsFixture from './fixtures/TabsFixture.svelte';

const press = (key: string) => fireEvent.keyDown(document.activeElement!, { key });

describe('Tabs', () => {
	beforeEach(() => void render(TabsFixture));
	const selected = () => screen.getAllByRole('tab').find((tab) => tab.getAttribute('aria-selected') === 'true');

	test('are one stop, and arrows choose', async () => {
		expect(screen.getAllByRole('tab').map((tab) => tab.tabIndex)).toEqual([0, -1, -1]);
		screen.getAllByRole('tab')[0]!.focus();
		await press('ArrowRight');
		expect(document.activeElement).toBe(selected());
		expect(selected()?.textContent?.trim()).toBe('Second');
		await press('End');
		expect(selected()?.textContent?.trim()).toBe('Third');
		await press('ArrowRight');
		expect(selected()?.textContent?.trim()).toBe('First');
	});

	test('the panel is named by its tab', async () => {
		await fireEvent.click(screen.getByRole('tab', { name: 'Second' }));
		const panel = screen.getByRole('tabpanel', { name: 'Second' });
		expect(panel.textContent?.trim()).toBe('The panel of b');
		expect(selected()?.getAttribute('aria-controls')).toBe(panel.id);
	});

	test('a toolbar is one stop too, and remembers where one was', async () => {
		const stops = () => screen.getAllByRole('button').map((b) => b.getAttribute('tabindex'));
		expect(stops().slice(0, 2)).toEqual(['0', '-1']);
		screen.getByRole('button', { name: 'Bold' }).focus();
		await press('ArrowRight');
		expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Italic' }));
		expect(stops().slice(0, 2)).toEqual(['-1', '0']);
		await press('ArrowRight'); // the disabled one takes no part
		expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Bold' }));
	});
});
