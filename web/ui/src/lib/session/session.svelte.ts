// Who is signed in, what he may do, and what happens when the session ends: the screen stays, a
// dialog asks for the password, and the calls that were refused are repeated.
import { ApiError, get, onSessionEnd, patch, post, remove } from '$lib/api/client';
import type { Id, Me, Permission, Settings } from '$lib/api/types';
import { isLanguage } from '$lib/i18n/i18n.svelte';
import { directory } from '$lib/store/directory.svelte';
import { setLook, type Density, type Theme } from './look.svelte';

export type Stage = 'loading' | 'setup' | 'signed-out' | 'signed-in' | 'unreachable';

class Session {
	stage = $state<Stage>('loading');
	me = $state.raw<Me | null>(null);
	/** the session ended while somebody was working: the dialog is open */
	expired = $state(false);
	/** name of the organisation, known before anybody is signed in */
	organisation = $state('');

	#waiting: ((again: boolean) => void)[] = [];
	#ending: (() => void)[] = [];

	/** Finds out whether the server is new, somebody is signed in, or nobody is. */
	async start(): Promise<void> {
		onSessionEnd(null);
		this.stage = 'loading';
		try {
			await this.#enter(await get<Me>('/me'));
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 401) this.stage = 'unreachable';
			else await this.#ask();
		}
	}

	async #ask(): Promise<void> {
		try {
			const setup = await get<{ needed: boolean; organisation: string }>('/setup');
			this.organisation = setup.organisation;
			this.stage = setup.needed ? 'setup' : 'signed-out';
		} catch (error) {
			// An older or busy server may refuse to say; signing in is then the only sensible offer.
			this.stage = error instanceof ApiError && error.status === 0 ? 'unreachable' : 'signed-out';
		}
	}

	async #enter(me: Me): Promise<void> {
		this.me = me;
		this.organisation = me.organisation;
		this.stage = 'signed-in';
		onSessionEnd(() => this.#expire());
		await Promise.all([this.#applyLook(me), directory.load().catch(() => undefined)]);
	}

	async #applyLook(me: Me): Promise<void> {
		const look: { theme?: Theme; density?: Density; language?: 'en' | 'ru' | 'it' | 'zh' } = {};
		if (me.settings.theme) look.theme = me.settings.theme;
		if (me.settings.density) look.density = me.settings.density;
		if (isLanguage(me.language)) look.language = me.language;
		await setLook(look);
	}

	/** Takes the answer of signing in, of set-up or of an accepted invitation. */
	async welcome(me: Me): Promise<void> {
		if (this.expired) {
			if (this.me && this.me.id !== me.id) {
				window.location.reload(); // somebody else: nothing of the first person may stay
				return;
			}
			this.me = me;
			this.expired = false;
			this.#settle(true);
			return;
		}
		await this.#enter(me);
	}

	async signIn(email: string, password: string, keep: boolean): Promise<void> {
		await this.welcome(await post<Me>('/session', { email, password, keep }, { open: true }));
	}

	/** Called before the person is signed out: to close sockets and forget caches. Returns how to stop. */
	onEnd(run: () => void): () => void {
		this.#ending.push(run);
		return () => (this.#ending = this.#ending.filter((other) => other !== run));
	}

	async signOut(): Promise<void> {
		await remove('/session', { open: true }).catch(() => undefined); // gone is gone
		this.forget();
	}

	/** Leaves the signed-in screens; used by sign-out and by "somebody else" in the dialog. */
	forget(): void {
		onSessionEnd(null);
		for (const run of this.#ending) run();
		this.#settle(false);
		this.expired = false;
		this.me = null;
		directory.clear();
		this.stage = 'signed-out';
	}

	#expire(): Promise<boolean> {
		this.expired = true;
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	#settle(again: boolean): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resolve of waiting) resolve(again);
	}

	/** Whether the person holds a permission: in the shop, or without a shop, in any. */
	can(permission: Permission, shop?: Id | null): boolean {
		const shops = this.me?.permissions[permission];
		if (!shops || shops.length === 0) return false;
		return shop === undefined || shops.includes('*') || (shop !== null && shops.includes(shop));
	}

	/** Whether the person holds a permission in every shop. */
	canEverywhere(permission: Permission): boolean {
		return this.me?.permissions[permission]?.includes('*') ?? false;
	}

	/** Reads the person again: after an event that changed roles or presence. */
	async refresh(): Promise<void> {
		this.me = await get<Me>('/me');
	}

	/** Changes some of the person's own choices, at once here and then on the server. */
	async saveSettings(change: Settings): Promise<void> {
		const before = this.me;
		if (!before) return;
		this.me = { ...before, settings: { ...before.settings, ...change } };
		try {
			this.me = await patch<Me>('/me', { settings: change });
		} catch (error) {
			this.me = before;
			throw error;
		}
	}
}

export const session = new Session();
