// The one client of the REST API. Paths and shapes come from the reference (types.ts); nobody else builds URLs.
import type { Operations, UploadAnswer } from './types';

export type * from './types';

const root = '/api';

/** A refusal of the server: RFC 9457 with the API's stable code. */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		/** What the server says, in English, fit to be shown. */
		readonly detail: string,
		readonly fields: readonly { field: string; message: string }[] = [],
		/** Milliseconds until the same may be tried again; null if the server named no time. */
		readonly retryAfter: number | null = null,
	) {
		super(detail || code);
	}
}

/** The server could not be reached, or the answer did not arrive: what was asked may or may not have happened. */
export class NetworkError extends Error {}

type Given<T> = { [K in keyof T as T[K] extends undefined ? never : K]: T[K] };
/** What an operation takes: what follows the question mark may always be left out. */
type Input<K extends keyof Operations> = Given<Pick<Operations[K], 'path' | 'body'>> & Partial<Given<Pick<Operations[K], 'query'>>>;
type Rest<K extends keyof Operations> = object extends Input<K> ? [input?: Input<K> & { signal?: AbortSignal }] : [input: Input<K> & { signal?: AbortSignal }];

let unauthorized: () => void = () => {};

/** Calls fn when the server no longer knows the login. */
export function onUnauthorized(fn: () => void) {
	unauthorized = fn;
}

/**
 * Calls an operation by its name in the reference: `call('GET /rooms/{id}', { path: { id } })`. Rejects with an ApiError, a
 * NetworkError, or the signal's AbortError.
 */
export async function call<K extends keyof Operations & string>(operation: K, ...[input]: Rest<K>): Promise<Operations[K]['answer']> {
	const { path = {}, query = {}, body, signal } = (input ?? {}) as {
		path?: Record<string, string>;
		query?: Record<string, string | number | boolean | undefined>;
		body?: unknown;
		signal?: AbortSignal;
	};
	const space = operation.indexOf(' ');
	const url = address(operation.slice(space + 1), path, query);
	const form = body instanceof FormData;
	const headers: Record<string, string> = { Accept: 'application/json' };
	if (body !== undefined && !form) headers['Content-Type'] = 'application/json';
	let response: Response;
	try {
		response = await fetch(url, {
			method: operation.slice(0, space),
			headers,
			body: body === undefined ? undefined : form ? body : JSON.stringify(body),
			credentials: 'same-origin',
			signal,
		});
	} catch (err) {
		if (signal?.aborted) throw err;
		throw new NetworkError(String(err));
	}
	if (!response.ok) throw await refusal(response, operation);
	if (response.status === 204) return undefined as Operations[K]['answer'];
	try {
		return (await response.json()) as Operations[K]['answer'];
	} catch (err) {
		if (signal?.aborted) throw err;
		throw new NetworkError(String(err));
	}
}

/** The URL of an operation on this server. */
export function address(template: string, path: Record<string, string> = {}, query: Record<string, string | number | boolean | undefined> = {}): string {
	const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(name, String(value));
	return root + filled + (search.size ? `?${search}` : '');
}

/** Where the WebSocket is. */
export function socketAddress(): string {
	return location.origin.replace(/^http/, 'ws') + root + '/ws';
}

async function refusal(response: Response, operation: string): Promise<ApiError> {
	let problem: { code?: string; detail?: string; title?: string; errors?: { field: string; message: string }[] } = {};
	try {
		problem = await response.json();
	} catch {
		// something before the server answered in its own way
	}
	return problemError(response.status, problem, response.headers.get('Retry-After'), operation);
}

function problemError(
	status: number,
	problem: { code?: string; detail?: string; title?: string; errors?: { field: string; message: string }[] },
	retryAfter: string | null,
	operation: string,
): ApiError {
	const code = problem.code ?? (status === 502 || status === 504 ? 'unavailable' : 'unknown');
	if (status === 401 && operation !== 'POST /auth/login') unauthorized();
	return new ApiError(status, code, problem.detail ?? problem.title ?? '', problem.errors ?? [], retryAfter ? Number(retryAfter) * 1000 : null);
}

/** Uploads one file; progress gets the share that is sent, 0 to 1. */
export function upload(file: File, options: { progress?: (share: number) => void; signal?: AbortSignal } = {}): Promise<UploadAnswer> {
	const { progress, signal } = options;
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest(); // fetch tells nothing of what was sent
		const form = new FormData();
		form.append('file', file, file.name);
		request.open('POST', root + '/attachments/upload');
		request.setRequestHeader('Accept', 'application/json');
		request.responseType = 'text';
		request.upload.onprogress = (e) => e.lengthComputable && progress?.(e.loaded / e.total);
		request.onload = () => {
			let body: unknown = {};
			try {
				body = JSON.parse(request.responseText);
			} catch {
				// told by the status
			}
			if (request.status >= 200 && request.status < 300) resolve(body as UploadAnswer);
			else reject(problemError(request.status, body as object, request.getResponseHeader('Retry-After'), 'POST /attachments/upload'));
		};
		request.onerror = () => reject(new NetworkError('upload'));
		request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
		signal?.addEventListener('abort', () => request.abort());
		if (signal?.aborted) request.abort();
		else request.send(form);
	});
}
