// Web Push: notifications while the page is closed (https://www.w3.org/TR/push-api/). The service worker shows them.
import { ApiError, call } from '$lib/api/client';

/** unsupported: the browser cannot; off: the server does not; idle: possible; subscribed: this browser gets them. */
export type PushState = 'unknown' | 'unsupported' | 'off' | 'idle' | 'subscribed';

const supported = () => 'serviceWorker' in navigator && 'PushManager' in window && typeof Notification !== 'undefined';

export async function pushState(): Promise<PushState> {
	if (!supported()) return 'unsupported';
	try {
		await call('GET /push/key');
	} catch (err) {
		if (err instanceof ApiError && err.status === 404) return 'off';
		return 'unknown';
	}
	const registration = await navigator.serviceWorker.getRegistration();
	const own = await registration?.pushManager.getSubscription();
	return own ? 'subscribed' : 'idle';
}

/** Asks the person, then the browser, and tells the server. */
export async function subscribe(): Promise<PushState> {
	if ((await Notification.requestPermission()) !== 'granted') return 'idle';
	const { key } = await call('GET /push/key');
	const registration = await navigator.serviceWorker.ready;
	const wanted = bytes(key);
	let own = await registration.pushManager.getSubscription();
	if (own && !same(own.options.applicationServerKey, wanted)) {
		await own.unsubscribe(); // made for another server or an older key
		own = null;
	}
	own ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted });
	await tell(own);
	return 'subscribed';
}

export async function unsubscribe(): Promise<PushState> {
	const registration = await navigator.serviceWorker.getRegistration();
	const own = await registration?.pushManager.getSubscription();
	if (own) {
		await call('DELETE /push/subscriptions', { query: { endpoint: own.endpoint }, body: { endpoint: own.endpoint } });
		await own.unsubscribe();
	}
	return 'idle';
}

/** Tells the server of a subscription that this browser has; at every start, because browsers change them. */
export async function refresh(): Promise<void> {
	if (!supported()) return;
	const registration = await navigator.serviceWorker.getRegistration();
	const own = await registration?.pushManager.getSubscription();
	if (own && Notification.permission === 'granted') await tell(own);
}

async function tell(subscription: PushSubscription): Promise<void> {
	const { endpoint, keys } = subscription.toJSON();
	await call('PUT /push/subscriptions', { body: { endpoint: endpoint ?? '', keys: { auth: keys?.['auth'] ?? '', p256dh: keys?.['p256dh'] ?? '' } } });
}

function bytes(key: string): Uint8Array<ArrayBuffer> {
	const plain = atob(key.replace(/-/g, '+').replace(/_/g, '/'));
	return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

function same(a: ArrayBuffer | null, b: Uint8Array): boolean {
	if (!a || a.byteLength !== b.byteLength) return false;
	const view = new Uint8Array(a);
	return view.every((v, i) => v === b[i]);
}
