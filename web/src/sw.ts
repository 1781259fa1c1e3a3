/// <reference lib="webworker" />
// The service worker: shows what is pushed while no page is open, and starts the interface without a network.
declare const self: ServiceWorkerGlobalScope;
export {};

const cacheName = 'interface';

/** What the server pushes (see internal/notify). */
interface Pushed {
	title?: string;
	body?: string;
	icon?: string;
	tag?: string;
	url?: string;
	room_id?: string;
	message_id?: string;
	notification_id?: string;
}

self.addEventListener('install', (event) => {
	event.waitUntil(
		caches
			.open(cacheName)
			.then((cache) => cache.add(new Request('/', { headers: { Accept: 'text/html' } })))
			.catch(() => {}) // without a network there is nothing to keep yet
			.then(() => self.skipWaiting()),
	);
});

self.addEventListener('activate', (event) => {
	event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
	const { request } = event;
	const url = new URL(request.url);
	if (request.method !== 'GET' || url.origin !== self.location.origin) return;
	if (request.mode === 'navigate' && !url.pathname.startsWith('/api/')) event.respondWith(page(request));
	else if (url.pathname.startsWith('/_ui/')) event.respondWith(asset(request));
});

/** The newest page if the network gives it, else the one that was kept. */
async function page(request: Request): Promise<Response> {
	const cache = await caches.open(cacheName);
	try {
		const response = await fetch(request);
		if (response.ok && response.headers.get('Content-Type')?.startsWith('text/html')) {
			const kept = await cache.match('/');
			const [fresh, old] = [response.headers.get('ETag'), kept?.headers.get('ETag')];
			if (fresh !== old) {
				await cache.put('/', response.clone());
				await forgetOld(cache);
			}
		}
		return response;
	} catch (err) {
		const kept = await cache.match('/');
		if (kept) return kept;
		throw err;
	}
}

/** Files whose names change with their content are fetched once. */
async function asset(request: Request): Promise<Response> {
	const cache = await caches.open(cacheName);
	const kept = await cache.match(request);
	if (kept) return kept;
	const response = await fetch(request);
	if (response.ok) await cache.put(request, response.clone());
	return response;
}

/** Drops what an older version of the interface used; what the new one shares with it is fetched once more. */
async function forgetOld(cache: Cache): Promise<void> {
	for (const request of await cache.keys()) if (new URL(request.url).pathname.startsWith('/_ui/')) await cache.delete(request);
}

self.addEventListener('push', (event) => {
	let pushed: Pushed = {};
	try {
		pushed = (event.data?.json() as Pushed) ?? {};
	} catch {
		pushed = { body: event.data?.text() };
	}
	event.waitUntil(show(pushed));
});

/** Every push is shown: browsers take the permission away from those who stay silent. A tag replaces what the page itself showed. */
async function show(p: Pushed): Promise<void> {
	const url = p.url ?? (p.room_id ? `/r/${p.room_id}${p.message_id ? `/m/${p.message_id}` : ''}` : '/');
	await self.registration.showNotification(p.title ?? 'Parley', {
		body: p.body ?? '',
		icon: p.icon ?? '/icon-192.png',
		badge: '/badge-72.png',
		tag: p.tag ?? (p.notification_id ? `notification-${p.notification_id}` : undefined),
		data: { url },
	});
}

self.addEventListener('notificationclick', (event) => {
	event.notification.close();
	const url = new URL((event.notification.data as { url?: string } | null)?.url ?? '/', self.location.origin);
	if (url.origin !== self.location.origin) return;
	event.waitUntil(open(url.pathname + url.search));
});

async function open(path: string): Promise<void> {
	const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
	const first = pages[0];
	if (!first) {
		await self.clients.openWindow(path);
		return;
	}
	await first.focus();
	first.postMessage({ type: 'open', path });
}

self.addEventListener('pushsubscriptionchange', (event) => {
	// the page tells the server of the new one at its next start; an open page does so now
	(event as ExtendableEvent).waitUntil(self.clients.matchAll({ type: 'window' }).then((pages) => pages.forEach((p) => p.postMessage({ type: 'subscription' }))));
});
