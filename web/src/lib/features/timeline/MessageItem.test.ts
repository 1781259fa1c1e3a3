import { render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Attachment, Message, Room, Self } from '$lib/api/client';
import { Conversation } from '$lib/features/conversation/conversation.svelte';
import { app } from '$lib/state/app.svelte';
import type { Pending } from '$lib/state/outbox.svelte';
import MessageItem from './MessageItem.svelte';
import { TimelineView } from './view.svelte';

const ann = { id: 'u1', username: 'ann', display_name: 'Ann', avatar_url: null, bot: false, rank: 'member' as const };
const bob = { ...ann, id: 'u2', username: 'bob', display_name: 'Bob' };
const room = { id: 'r', type: 'public', form: 'text', archived: false, me: { role: 'member', muted: false } } as unknown as Room;

function message(over: Partial<Message> = {}): Message {
	return {
		id: 'm1',
		room_id: 'r',
		seq: 1,
		change_seq: 1,
		type: 'text',
		sender: bob,
		content: 'hello',
		created_at: '2026-11-20T10:00:00.000Z',
		edited_at: null,
		deleted: false,
		pinned: false,
		parent_id: null,
		thread: null,
		attachments: [],
		links: [],
		mentions: [],
		reactions: [],
		...over,
	};
}

const file = (over: Partial<Attachment>): Attachment => ({
	id: 'a1',
	filename: 'plan.pdf',
	mime_type: 'application/pdf',
	size: 1200,
	width: null,
	height: null,
	scan: 'clean',
	thumbnail_url: null,
	url: '/api/attachments/a1',
	created_at: '2026-11-20T10:00:00.000Z',
	...over,
});

/** What a screen reader calls it. */
const nameOf = (article: Element) =>
	(article.getAttribute('aria-labelledby') ?? '')
		.split(' ')
		.map((id) => document.getElementById(id)?.textContent?.trim())
		.join(' ');

let next = 0;
function show(over: Partial<Message> = {}, pending: Pending | null = null, head = true) {
	const m = message({ id: `m${++next}`, ...over });
	const view = new TimelineView(app.timeline('r'), new Conversation('r'), () => room);
	render(MessageItem, { row: { kind: 'message', key: m.id, message: m, head, pending }, view });
	return { view, article: screen.getByRole('article') };
}

beforeEach(() => {
	app.me = { ...ann, roles: [], settings: null } as unknown as Self;
	app.people.learn(ann);
	app.people.learn(bob);
});

describe('a message', () => {
	it('is named by who wrote it, what, and when', () => {
		const { article } = show();
		expect(nameOf(article)).toMatch(/^Bob hello .*\d/);
	});
	it('within a group still says who wrote it to those who do not see it', () => {
		const { article } = show({}, null, false);
		expect(nameOf(article)).toMatch(/^Bob hello/);
	});
	it('shows markdown, and nothing that could run', () => {
		const { article } = show({ content: '**bold** <img src=x onerror=alert(1)>' });
		expect(article.querySelector('strong')?.textContent).toBe('bold');
		expect(article.querySelector('img[onerror]')).toBeNull();
	});
	it('stands out when it mentions the reader', () => {
		const { article } = show({ content: 'hi @ann', mentions: ['u1'] });
		expect(article.classList.contains('mentioned')).toBe(true);
		expect(article.querySelector('.mention-self')?.textContent).toBe('@Ann');
	});
	it('that was deleted shows nothing of what it was', () => {
		const { article } = show({ deleted: true, content: 'secret' });
		expect(article.textContent).not.toContain('secret');
		expect(article.textContent).toContain('This message was deleted');
	});
	it('says that it was edited', () => {
		expect(show({ edited_at: '2026-11-20T10:01:00.000Z' }).article.textContent).toContain('(edited)');
	});
	it('of an account that is gone still has a name', () => {
		expect(show({ sender: null }).article.textContent).toContain('Deleted account');
	});
	it('tells how many answers it has', () => {
		show({ thread: { reply_count: 3, last_reply_at: '2026-11-20T10:05:00.000Z' } });
		expect(screen.getByTestId('thread-chip').textContent).toContain('3 replies');
	});
	it('shows names of files as they are', () => {
		const { article } = show({ attachments: [file({ filename: '<b>x</b>"onload=.pdf' })] });
		expect(article.textContent).toContain('<b>x</b>"onload=.pdf');
		expect(article.querySelector('b')).toBeNull();
	});
	it('gives no way to a file that is not known to be harmless', () => {
		for (const scan of ['pending', 'infected'] as const) {
			const { article } = show({ attachments: [file({ scan, mime_type: 'image/png', width: 10, height: 10 })] });
			expect(article.querySelector('a, img')).toBeNull();
			article.remove();
		}
	});
	it('keeps the place of a picture before it is loaded', () => {
		const { article } = show({ attachments: [file({ mime_type: 'image/png', filename: 'x.png', width: 1600, height: 800 })] });
		const img = article.querySelector('img')!;
		expect([img.getAttribute('width'), img.getAttribute('height')]).toEqual(['400', '200']);
	});
	it('shows a link only when it leads to the web', () => {
		const link = { url: 'javascript:alert(1)', title: 'Click', description: null, image: null, image_width: null, image_height: null };
		expect(show({ links: [link] as Message['links'] }).article.textContent).not.toContain('Click');
	});
	it('has its reactions, of which the own are pressed', () => {
		show({ reactions: [{ emoji: '👍', count: 2, me: true }] });
		expect(screen.getByRole('button', { name: '👍, 2' }).getAttribute('aria-pressed')).toBe('true');
	});
	it('that was refused says why, and can be sent again or given up', () => {
		const retry = vi.spyOn(app.outbox, 'retry').mockReturnValue();
		const pending: Pending = { nonce: 'n', room_id: 'r', content: 'x', parent_id: null, attachments: [], created_at: '', failed: { code: 'muted', detail: '' } };
		show({}, pending);
		expect(screen.getByRole('group', { name: 'Not sent' }).textContent).toMatch(/muted/i);
		screen.getByRole('button', { name: 'Try again' }).click();
		expect(retry).toHaveBeenCalledWith('n');
	});
});
