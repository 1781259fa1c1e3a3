// The WebSocket: connects, notices silence, comes back with growing random delays, and matches answers with what was asked.
// What the frames mean is not its business.
import { ApiError, NetworkError } from '$lib/api/client';
import type { Answer, ClientFrame, ServerFrame } from '$lib/api/frames';

/** connecting: trying now; waiting: will try at `retryAt`; stopped: nobody wants a connection. */
export type SocketState = 'stopped' | 'connecting' | 'connected' | 'waiting';

interface Asked {
	resolve(answer: Answer): void;
	reject(err: Error): void;
}

export interface SocketOptions {
	url: () => string;
	frame: (frame: ServerFrame) => void;
	/** Every change of state; retryAt is the time of the next try, in milliseconds of Date.now, while waiting. */
	state: (state: SocketState, retryAt: number | null) => void;
	/** The login is over: there is no use in coming back. */
	revoked: (reason: string) => void;
	make?: (url: string) => WebSocket;
	random?: () => number;
}

const firstDelay = 500;
const longestDelay = 30_000;
const silence = 15_000; // an answer to a ping takes no longer on a line that is there

export class Socket {
	#options: Required<SocketOptions>;
	#ws: WebSocket | null = null;
	#asked = new Map<string, Asked>();
	#ref = 0;
	#tries = 0;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#beat: ReturnType<typeof setTimeout> | undefined;
	#silent: ReturnType<typeof setTimeout> | undefined;
	#heartbeat = 30_000;
	#wanted = false;
	#ready = false;

	constructor(options: SocketOptions) {
		this.#options = { make: (url) => new WebSocket(url), random: Math.random, ...options };
	}

	/** Wants a connection from now on. */
	start() {
		if (this.#wanted) return;
		this.#wanted = true;
		addEventListener('online', this.#hurry);
		addEventListener('offline', this.#check);
		document.addEventListener('visibilitychange', this.#seen);
		this.#connect();
	}

	/** Wants none. What was asked and not answered fails with a NetworkError. */
	stop() {
		this.#wanted = false;
		removeEventListener('online', this.#hurry);
		removeEventListener('offline', this.#check);
		document.removeEventListener('visibilitychange', this.#seen);
		this.#drop();
		this.#options.state('stopped', null);
	}

	/** Tries now instead of waiting. */
	hurry() {
		this.#hurry();
	}

	get ready() {
		return this.#ready;
	}

	/** Sends a frame and waits for its answer: an ApiError is the server's refusal, a NetworkError says that it is not known. */
	ask(frame: ClientFrame): Promise<Answer> {
		if (!this.#ready || !this.#ws) return Promise.reject(new NetworkError('not connected'));
		const ref = String(++this.#ref);
		const answer = new Promise<Answer>((resolve, reject) => this.#asked.set(ref, { resolve, reject }));
		this.#ws.send(JSON.stringify({ ...frame, ref }));
		return answer;
	}

	/** Sends a frame that nobody waits for, if there is a connection. */
	tell(frame: ClientFrame) {
		if (this.#ready) this.#ws?.send(JSON.stringify(frame));
	}

	#connect() {
		clearTimeout(this.#retry);
		this.#options.state('connecting', null);
		const ws = this.#options.make(this.#options.url());
		this.#ws = ws;
		this.#silent = setTimeout(() => this.#lost(ws), silence);
		ws.onmessage = (e) => this.#ws === ws && this.#received(ws, String(e.data));
		ws.onclose = (e) => this.#ws === ws && this.#closed(e.code, e.reason);
	}

	#received(ws: WebSocket, text: string) {
		this.#alive(ws);
		const frame = JSON.parse(text) as ServerFrame | { type: 'ok' | 'error' | 'pong'; ref?: string; code?: string; message?: string; field?: string; retry_after_ms?: number };
		switch (frame.type) {
			case 'ready':
				this.#heartbeat = frame.heartbeat_ms || this.#heartbeat;
				this.#ready = true;
				this.#tries = 0;
				this.#options.frame(frame);
				this.#options.state('connected', null);
				break;
			case 'ok':
				this.#answer(frame.ref)?.resolve(frame as Answer);
				break;
			case 'error':
				this.#answer(frame.ref)?.reject(
					new ApiError(0, frame.code ?? 'unknown', frame.message ?? '', frame.field ? [{ field: frame.field, message: frame.message ?? '' }] : [], frame.retry_after_ms ?? null),
				);
				break;
			case 'pong':
				break;
			case 'session_revoked':
				this.#wanted = false;
				this.#options.revoked(frame.reason);
				break;
			default:
				this.#options.frame(frame);
		}
	}

	#answer(ref: string | undefined): Asked | undefined {
		if (!ref) return undefined;
		const asked = this.#asked.get(ref);
		this.#asked.delete(ref);
		return asked;
	}

	/** Something was heard: asks for a sign of life only after a while of silence. */
	#alive(ws: WebSocket) {
		clearTimeout(this.#silent);
		clearTimeout(this.#beat);
		this.#beat = setTimeout(() => this.#probe(ws), this.#heartbeat);
	}

	#probe(ws: WebSocket) {
		if (this.#ws !== ws || ws.readyState !== WebSocket.OPEN) return;
		ws.send('{"type":"ping"}');
		clearTimeout(this.#silent);
		this.#silent = setTimeout(() => this.#lost(ws), silence);
	}

	#lost(ws: WebSocket) {
		if (this.#ws !== ws) return;
		this.#closed(1006, '');
		ws.close();
	}

	#closed(code: number, reason: string) {
		const neverReady = !this.#ready;
		this.#drop();
		if (!this.#wanted) return;
		if (code === 4001) {
			this.#wanted = false;
			this.#options.revoked(reason);
			return;
		}
		if (neverReady) this.#tries++;
		const longest = Math.min(longestDelay, firstDelay * 2 ** Math.min(this.#tries, 10));
		this.#tries++;
		const delay = code === 4008 ? 0 : longest * (0.5 + this.#options.random() / 2);
		this.#options.state('waiting', Date.now() + delay);
		this.#retry = setTimeout(() => this.#connect(), delay);
	}

	#drop() {
		clearTimeout(this.#retry);
		clearTimeout(this.#beat);
		clearTimeout(this.#silent);
		this.#ready = false;
		const ws = this.#ws;
		this.#ws = null;
		ws?.close();
		const asked = [...this.#asked.values()];
		this.#asked.clear();
		for (const a of asked) a.reject(new NetworkError('the connection ended'));
	}

	#hurry = () => {
		if (this.#wanted && !this.#ws) {
			this.#tries = 0;
			this.#connect();
		}
	};

	#check = () => {
		if (this.#ws && this.#ready) this.#probe(this.#ws);
	};

	#seen = () => {
		if (document.visibilityState !== 'visible') return;
		this.#hurry();
		this.#check(); // a sleeping phone's connection may be gone without a word
	};
}
