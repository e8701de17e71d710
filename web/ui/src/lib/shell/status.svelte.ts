// What the navigation shows about the connection to the server and how much waits in each view. The
// live stream writes these; the shell only reads them.
import type { Counts } from '$lib/api/types';

export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'offline';

class Status {
	connection = $state<ConnectionState>('connecting');
	/** since when it is not live; milliseconds, 0 while live */
	since = $state(0);
	/** messages written here that still wait to be sent */
	waiting = $state(0);
	counts = $state.raw<Counts>({ views: {}, shops: {} });
	/** a newer program is on the server: offer a reload */
	newVersion = $state(false);
}

export const status = new Status();
