// Which page is shown, from the address. Pages are few and their addresses short:
//
//	/                        the room that was open last
//	/r/<room>                a room; /r/<room>/m/<message> opens it there; ?thread=<message> beside it
//	/discover  /notifications  /search?q=…  /settings/<section>  /admin/<section>
//	/login  /register  /setup#<token>  /invite/<code>
export type Route =
	| { page: 'home' | 'discover' | 'notifications' | 'login' | 'register' | 'setup' | 'unknown' }
	| { page: 'room'; room: string; message: string | null; thread: string | null }
	| { page: 'search'; query: string; room: string | null }
	| { page: 'settings' | 'admin'; section: string }
	| { page: 'invite'; code: string };

export function parse(url: URL): Route {
	const [first = '', second = '', third = '', fourth = ''] = url.pathname.split('/').filter(Boolean).map(decode);
	switch (first) {
		case '':
			return { page: 'home' };
		case 'r':
			if (!second) return { page: 'home' };
			return { page: 'room', room: second, message: third === 'm' && fourth ? fourth : null, thread: url.searchParams.get('thread') };
		case 'search':
			return { page: 'search', query: url.searchParams.get('q') ?? '', room: url.searchParams.get('room') };
		case 'settings':
		case 'admin':
			return { page: first, section: second };
		case 'invite':
			return second ? { page: 'invite', code: second } : { page: 'unknown' };
		case 'discover':
		case 'notifications':
		case 'login':
		case 'register':
		case 'setup':
			return { page: first };
		default:
			return { page: 'unknown' };
	}
}

/** The address of a place in a room. */
export function roomPath(room: string, at: { message?: string; thread?: string } = {}): string {
	const message = at.message ? `/m/${encodeURIComponent(at.message)}` : '';
	const thread = at.thread ? `?thread=${encodeURIComponent(at.thread)}` : '';
	return `/r/${encodeURIComponent(room)}${message}${thread}`;
}

function decode(s: string): string {
	try {
		return decodeURIComponent(s);
	} catch {
		return s;
	}
}

class Router {
	#url = $state.raw(new URL(location.href));
	route: Route = $derived(parse(this.#url));
	/** Grows with every navigation, also to the address that is shown already: a permalink can be followed twice. */
	visits = $state(0);

	get url(): URL {
		return this.#url;
	}

	/** Follows links inside of the app without loading the page anew. */
	start(): () => void {
		const popped = () => this.#show();
		const clicked = (e: MouseEvent) => {
			if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
			const link = (e.target as Element | null)?.closest?.('a[href]');
			if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
			if (parse(new URL(link.href)).page === 'unknown') return;
			e.preventDefault();
			this.go(link.pathname + link.search + link.hash);
		};
		addEventListener('popstate', popped);
		document.addEventListener('click', clicked);
		return () => {
			removeEventListener('popstate', popped);
			document.removeEventListener('click', clicked);
		};
	}

	go(path: string, options: { replace?: boolean } = {}) {
		if (path === location.pathname + location.search + location.hash) options.replace = true;
		history[options.replace ? 'replaceState' : 'pushState'](null, '', path);
		this.#show();
	}

	back(otherwise: string) {
		if (history.length > 1) history.back();
		else this.go(otherwise, { replace: true });
	}

	#show() {
		this.#url = new URL(location.href);
		this.visits++;
	}
}

export const router = new Router();
