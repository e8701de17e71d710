// The views of the inbox, in the order of the navigation; the keys 1 to 9 open them.
import AtSign from '@lucide/svelte/icons/at-sign';
import Clock from '@lucide/svelte/icons/clock';
import FilePen from '@lucide/svelte/icons/file-pen';
import Inbox from '@lucide/svelte/icons/inbox';
import Layers from '@lucide/svelte/icons/layers';
import Send from '@lucide/svelte/icons/send';
import UserRound from '@lucide/svelte/icons/user-round';
import CircleCheck from '@lucide/svelte/icons/circle-check';
import type { Component } from 'svelte';
import type { View } from '$lib/api/types';
import type { Key } from '$lib/i18n/i18n.svelte';

export const views: readonly { view: View; title: Key; icon: Component<{ size?: number }> }[] = [
	{ view: 'mine', title: 'common.viewMine', icon: UserRound },
	{ view: 'unassigned', title: 'common.viewUnassigned', icon: Inbox },
	{ view: 'mentions', title: 'common.viewMentions', icon: AtSign },
	{ view: 'snoozed', title: 'common.viewSnoozed', icon: Clock },
	{ view: 'drafts', title: 'common.viewDrafts', icon: FilePen },
	{ view: 'sent', title: 'common.viewSent', icon: Send },
	{ view: 'closed', title: 'common.viewClosed', icon: CircleCheck },
	{ view: 'all', title: 'common.viewAll', icon: Layers }
];

export function isView(name: string | undefined): name is View {
	return views.some(({ view }) => view === name);
}
