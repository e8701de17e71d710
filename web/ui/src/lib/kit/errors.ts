// What a person reads when something failed.
import { ApiError } from '$lib/api/client';
import { reasonText } from '$lib/i18n/reason';
import { t, type Key } from '$lib/i18n/i18n.svelte';

const words: Record<string, Key> = {
	offline: 'common.errorOffline',
	unauthenticated: 'common.errorSignedOut',
	denied: 'common.errorDenied',
	not_found: 'common.errorNotFound',
	conflict: 'common.errorConflict',
	too_large: 'common.errorTooLarge',
	unavailable: 'common.errorUnavailable',
	internal: 'common.errorInternal',
	last_admin: 'common.errorLastAdmin',
	key_reused: 'common.errorConflict',
	invalid_credentials: 'common.errorCredentials',
	token_invalid: 'common.errorLink',
	setup_done: 'common.errorSetupDone'
};

/** The sentence for an error: the server's reason in the reader's language if it gave one. */
export function errorText(error: unknown): string {
	if (!(error instanceof ApiError)) return t('common.errorInternal');
	const reason = reasonText(error.reason);
	if (reason) return reason;
	if (error.code === 'limited') {
		return error.retryAfter ? t('common.errorLimitedFor', { count: error.retryAfter }) : t('common.errorLimited');
	}
	if (error.code === 'invalid') return error.fields[0]?.message || error.message || t('common.errorInvalid');
	const key = words[error.code];
	return key ? t(key) : error.message || t('common.errorInternal');
}

/** The message for one input of a refused form, and "" if the input is not to blame. */
export function fieldError(error: unknown, name: string): string {
	return error instanceof ApiError ? error.field(name) : '';
}
