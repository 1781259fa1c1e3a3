// Every screen of the interface, for what must hold on all of them: names, contrast, room, words.
import { composer, openRoom, type Json, type Person, type World } from './world';

export interface Screen {
	name: string;
	/** Shows it; the page may be anywhere. */
	open: (p: Person, w: World) => Promise<void>;
}

/** What the screens show. */
export interface Place {
	room: string;
	/** A message with pictures, and one with a thread. */
	pictures: Json;
	thread: Json;
	invite: string;
	/** Something to search for. */
	query: string;
}

const settings = ['profile', 'account', 'appearance', 'notifications', 'privacy', 'about'];
const administration = ['overview', 'reports', 'people', 'sanctions', 'audit', 'rooms', 'roles', 'invites', 'emoji', 'webhooks', 'announce', 'settings'];

/** What is seen before anybody is logged in. */
export const doors = (place: Place): Screen[] => [
	{ name: 'login', open: (p, w) => goto(p, w, '/login') },
	{ name: 'register', open: (p, w) => goto(p, w, '/register') },
	{ name: 'invitation', open: (p, w) => goto(p, w, `/invite/${place.invite}`) },
	{ name: 'invitation-gone', open: (p, w) => goto(p, w, '/invite/gone') },
];

export const screens = (place: Place): Screen[] => {
	const room = (p: Person, w: World) => openRoom(w, p, place.room);
	const over = (selector: string) => async (p: Person) => p.page.locator(selector).first().waitFor();
	const dialog = over('dialog[open], [popover]:popover-open');
	return [
		{ name: 'room', open: room },
		{
			name: 'thread',
			open: async (p, w) => {
				await p.page.goto(`${w.base}/r/${place.thread.room_id}?thread=${place.thread.id}`);
				await p.page.getByTestId('side-panel').locator('[data-composer]').waitFor();
			},
		},
		{
			name: 'pins',
			open: async (p, w) => {
				await room(p, w);
				await p.page.getByRole('button', { name: await word(p, 'Pinned messages', 'Angeheftete Nachrichten') }).click();
				await p.page.getByTestId('pin').first().waitFor();
			},
		},
		{
			name: 'about-room',
			open: async (p, w) => {
				await room(p, w);
				await p.page.locator('h1 button').first().click();
				await p.page.getByTestId('side-panel').locator('h3').nth(1).waitFor();
			},
		},
		{
			name: 'room-settings',
			open: async (p, w) => {
				await room(p, w);
				await p.page.locator('h1 button').first().click();
				await p.page.getByTestId('side-panel').locator('.buttons button').nth(1).click();
				await dialog(p);
			},
		},
		{
			name: 'new-poll',
			open: async (p, w) => {
				await room(p, w);
				await p.page.getByRole('button', { name: await word(p, 'Add', 'Hinzufügen'), exact: true }).click();
				await p.page.getByRole('menuitem', { name: await word(p, 'Poll', 'Umfrage') }).click();
				await dialog(p);
			},
		},
		{
			name: 'message-menu',
			open: async (p, w) => {
				await room(p, w);
				await p.page.locator('[data-id]').last().click({ button: 'right', position: { x: 200, y: 12 } });
				await p.page.getByRole('menu').waitFor();
			},
		},
		{
			name: 'emoji-picker',
			open: async (p, w) => {
				await room(p, w);
				await composer(p).focus();
				await p.page.locator('.composer').first().locator('button').last().focus(); // send
				await p.page.keyboard.press('Shift+Tab');
				await p.page.keyboard.press('Enter');
				await p.page.locator('emoji-picker').waitFor();
			},
		},
		{
			name: 'picture',
			open: async (p, w) => {
				await openRoom(w, p, place.pictures.room_id, `/m/${place.pictures.id}`);
				await p.page.locator(`[data-id="${place.pictures.id}"] button:is(.single, .tile)`).first().click();
				await p.page.locator('dialog[open] img.loaded').waitFor();
			},
		},
		{
			name: 'switcher',
			open: async (p, w) => {
				await room(p, w);
				await p.page.keyboard.press('Control+k');
				await p.page.getByRole('combobox').waitFor();
			},
		},
		{
			name: 'shortcuts',
			open: async (p, w) => {
				await goto(p, w, '/discover');
				await p.page.locator('main').focus();
				await p.page.keyboard.press('?');
				await dialog(p);
			},
		},
		{
			name: 'new-room',
			open: async (p, w) => {
				await room(p, w);
				await p.page.keyboard.press('Control+k');
				await p.page.getByRole('combobox').fill(await word(p, 'Create a room', 'Raum erstellen'));
				await p.page.getByRole('option').last().click();
				await p.page.locator('dialog[open] textarea, dialog[open] input').first().waitFor();
			},
		},
		{ name: 'discover', open: (p, w) => goto(p, w, '/discover') },
		{ name: 'notifications', open: (p, w) => goto(p, w, '/notifications') },
		{ name: 'search-empty', open: (p, w) => goto(p, w, '/search') },
		{
			name: 'search',
			open: async (p, w) => {
				await goto(p, w, `/search?q=${place.query}`);
				await p.page.locator('main :is(li.hit, h2)').first().waitFor();
			},
		},
		{ name: 'nowhere', open: (p, w) => goto(p, w, '/r/4711') },
		...settings.map((s) => ({ name: `settings-${s}`, open: (p: Person, w: World) => goto(p, w, `/settings/${s}`) })),
		...administration.map((s) => ({ name: `admin-${s}`, open: (p: Person, w: World) => goto(p, w, `/admin/${s}`) })),
	];
};

async function word(p: Person, english: string, german: string): Promise<string> {
	return (await p.page.getAttribute('html', 'lang')) === 'de' ? german : english;
}

/** Opens an address and waits until nothing is loading any more. */
export async function goto(p: Person, w: World, path: string): Promise<void> {
	await p.page.goto(w.base + path, { waitUntil: 'networkidle' });
	await settled(p);
}

/** Nothing on the page is a stand-in for what is still to come. */
export async function settled(p: Person): Promise<void> {
	await p.page.waitForFunction(() => !document.querySelector('[aria-busy=true], .skeleton:not(.head *), .spinner') && document.querySelector('h1, h2, main'));
}
