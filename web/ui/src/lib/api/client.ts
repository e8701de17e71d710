// One door to the server. Every failure becomes an ApiError whose code the screen can act on; a
// session that ended waits for the person to sign in again and then repeats the call, so that
// nothing on the screen is lost.
import type { Page, Reason } from './types';

export interface FieldError {
	/** such as "body.name" */
	location: string;
	message: string;
}

/** A refused or failed call. Status 0 with code "offline" means that no answer came. */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		detail: string,
		readonly fields: FieldError[] = [],
		readonly reason: Reason | null = null,
		/** for 409: what is there now */
		readonly current: unknown = undefined,
		/** seconds until another try makes sense; null if the server did not say */
		readonly retryAfter: number | null = null
	) {
		super(detail);
		this.name = 'ApiError';
	}

	/** The message for one input, such as field('name') for body.name; "" if it is not to blame. */
	field(name: string): string {
		return this.fields.find((field) => field.location === `body.${name}`)?.message ?? '';
	}
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface CallOptions {
	query?: Query;
	/** an object is sent as JSON, FormData as it is */
	body?: unknown;
	/** Idempotency-Key: the same key never does the thing twice */
	key?: string;
	/** If-Match: the version the change is based on */
	version?: number;
	signal?: AbortSignal;
	/** the call answers 401 by itself (sign-in): no dialog */
	open?: boolean;
}

const base = '/api/v1';

let signInAgain: (() => Promise<boolean>) | null = null;

/**
 * Sets what happens when the session has ended: ask resolves to true once the person has signed in
 * again. null takes the handler away.
 */
export function onSessionEnd(ask: (() => Promise<boolean>) | null): void {
	signInAgain = ask;
}

/** A random key for Idempotency-Key; works on plain http too, where randomUUID is missing. */
export function newKey(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The address of an API path with its query; empty and missing values are left out. */
export function address(path: string, query: Query = {}): string {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
	}
	const text = search.toString();
	return `${base}${path}${text ? `?${text}` : ''}`;
}

/** Sends one request and returns the decoded answer; undefined for 204. Throws ApiError. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
	try {
		return await once<T>(method, path, options);
	} catch (error) {
		if (!(error instanceof ApiError) || error.status !== 401 || options.open || !signInAgain) throw error;
		if (!(await signInAgain())) throw error;
		return once<T>(method, path, options);
	}
}

async function once<T>(method: string, path: string, options: CallOptions): Promise<T> {
	const headers = new Headers({ Accept: 'application/json' });
	let body: BodyInit | undefined;
	if (options.body instanceof FormData) {
		body = options.body;
	} else if (options.body !== undefined) {
		headers.set('Content-Type', 'application/json');
		body = JSON.stringify(options.body);
	}
	if (options.key) headers.set('Idempotency-Key', options.key);
	if (options.version !== undefined) headers.set('If-Match', `"${options.version}"`);

	let response: Response;
	try {
		response = await fetch(address(path, options.query), { method, headers, body, signal: options.signal });
	} catch (error) {
		if (options.signal?.aborted) throw error;
		throw new ApiError(0, 'offline', 'The server cannot be reached.');
	}
	if (!response.ok) throw await refusal(response);
	if (response.status === 204) return undefined as T;
	return (await response.json()) as T;
}

async function refusal(response: Response): Promise<ApiError> {
	const retry = Number(response.headers.get('Retry-After'));
	const retryAfter = response.headers.has('Retry-After') && Number.isFinite(retry) ? retry : null;
	let problem: Record<string, unknown> = {};
	if (/json/.test(response.headers.get('Content-Type') ?? '')) {
		problem = (await response.json().catch(() => ({}))) as Record<string, unknown>;
	}
	return new ApiError(
		response.status,
		typeof problem.code === 'string' ? problem.code : codeOf(response.status),
		typeof problem.detail === 'string' ? problem.detail : response.statusText,
		Array.isArray(problem.errors) ? (problem.errors as FieldError[]) : [],
		(problem.reason as Reason | undefined) ?? null,
		problem.current,
		retryAfter
	);
}

/** The code of an answer that carries none, such as one of a proxy in between. */
function codeOf(status: number): string {
	const codes: Record<number, string> = {
		401: 'unauthenticated',
		403: 'denied',
		404: 'not_found',
		409: 'conflict',
		413: 'too_large',
		422: 'invalid',
		429: 'limited'
	};
	return codes[status] ?? (status === 502 || status === 503 || status === 504 ? 'unavailable' : 'internal');
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', path, { query, signal });
export const post = <T>(path: string, body?: unknown, options: CallOptions = {}) =>
	call<T>('POST', path, { ...options, body });
export const put = <T>(path: string, body?: unknown, options: CallOptions = {}) =>
	call<T>('PUT', path, { ...options, body });
export const patch = <T>(path: string, body?: unknown, options: CallOptions = {}) =>
	call<T>('PATCH', path, { ...options, body });
export const remove = (path: string, options: CallOptions = {}) => call<void>('DELETE', path, options);

/** Reads a whole list, page by page. For short lists only: people, shops, tags. */
export async function all<T>(path: string, query: Query = {}): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | null = null;
	do {
		const page: Page<T> = await get<Page<T>>(path, { ...query, limit: 200, cursor });
		items.push(...page.items);
		cursor = page.next;
	} while (cursor);
	return items;
}
