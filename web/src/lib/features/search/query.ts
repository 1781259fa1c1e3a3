// What is searched for, as the address of the page keeps it and as people type it.
export type Has = 'attachments' | 'links';

export interface Query {
	text: string;
	room: string | null;
	/** Id of the sender. */
	from: string | null;
	/** Days in the person's zone, "2026-11-20". */
	after: string | null;
	before: string | null;
	has: readonly Has[];
}

export const nothing: Query = { text: '', room: null, from: null, after: null, before: null, has: [] };

const day = /^\d{4}-\d{2}-\d{2}$/;

export function fromAddress(search: URLSearchParams): Query {
	const has = (search.get('has') ?? '').split(',').filter((h): h is Has => h === 'attachments' || h === 'links');
	const date = (name: string) => (day.test(search.get(name) ?? '') ? search.get(name) : null);
	return { text: search.get('q') ?? '', room: search.get('room'), from: search.get('from'), after: date('after'), before: date('before'), has };
}

export function toAddress(q: Query): string {
	const search = new URLSearchParams();
	if (q.text.trim()) search.set('q', q.text.trim());
	for (const name of ['room', 'from', 'after', 'before'] as const) if (q[name]) search.set(name, q[name]);
	if (q.has.length) search.set('has', q.has.join(','));
	return `/search${search.size ? `?${search}` : ''}`;
}

/** Whether there is something to search for. */
export const asks = (q: Query): boolean => q.text.trim() !== '' || q.from !== null || q.has.length > 0 || q.after !== null || q.before !== null;

export interface Lookups {
	person: (username: string) => string | undefined;
	room: (slug: string) => string | undefined;
}

const words: Record<string, 'from' | 'room' | 'after' | 'before' | 'has'> = {
	from: 'from', von: 'from',
	in: 'room',
	after: 'after', nach: 'after',
	before: 'before', vor: 'before',
	has: 'has', mit: 'has',
};

/** Takes what was typed as filters (from:ada in:#general has:files) out of the text. What names nothing stays text. */
export function takeFilters(q: Query, lookups: Lookups): Query {
	const next = { ...q };
	next.text = q.text.replace(/(^|\s)(\p{L}+):("[^"]*"|\S+)(?=\s)/gu, (all, blank: string, word: string, raw: string) => {
		const value = raw.replace(/^"|"$/g, '');
		switch (words[word.toLowerCase()]) {
			case 'from': {
				const id = lookups.person(value.replace(/^@/, ''));
				if (!id) return all;
				next.from = id;
				return blank;
			}
			case 'room': {
				const id = lookups.room(value.replace(/^#/, ''));
				if (!id) return all;
				next.room = id;
				return blank;
			}
			case 'after':
			case 'before':
				if (!day.test(value)) return all;
				next[words[word.toLowerCase()] as 'after' | 'before'] = value;
				return blank;
			case 'has': {
				const has = /^(files?|attachments?|dateien?)$/i.test(value) ? 'attachments' : /^links?$/i.test(value) ? 'links' : null;
				if (!has) return all;
				if (!next.has.includes(has)) next.has = [...next.has, has];
				return blank;
			}
			default:
				return all;
		}
	});
	return next;
}

/** The parameters of the API. Days begin and end where the person is. */
export function parameters(q: Query) {
	const start = (d: string, plus: number) => {
		const [year, month, date] = d.split('-').map(Number);
		return new Date(year!, month! - 1, date! + plus).toISOString();
	};
	return {
		q: q.text.trim() || undefined,
		room_id: q.room ?? undefined,
		from: q.from ?? undefined,
		after: q.after ? start(q.after, 1) : undefined,
		before: q.before ? start(q.before, 0) : undefined,
		has: q.has.length ? q.has.join(',') : undefined,
	};
}
