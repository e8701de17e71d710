// The settings: which sections there are, who may open them, and where they are.
import Inbox from '@lucide/svelte/icons/inbox';
import Building from '@lucide/svelte/icons/building-2';
import CalendarDays from '@lucide/svelte/icons/calendar-days';
import Keyboard from '@lucide/svelte/icons/keyboard';
import KeyRound from '@lucide/svelte/icons/key-round';
import Palette from '@lucide/svelte/icons/palette';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import Shield from '@lucide/svelte/icons/shield-check';
import Route from '@lucide/svelte/icons/route';
import Store from '@lucide/svelte/icons/store';
import TagIcon from '@lucide/svelte/icons/tag';
import UserRound from '@lucide/svelte/icons/user-round';
import Users from '@lucide/svelte/icons/users';
import UsersRound from '@lucide/svelte/icons/users-round';
import type { Component } from 'svelte';
import type { Key } from '$lib/i18n/i18n.svelte';
import { session } from '$lib/session/session.svelte';
import { directory } from '$lib/store/directory.svelte';
import { needs } from '$lib/store/needs';

export interface SettingsSection {
	id: string;
	title: Key;
	own: boolean;
	icon: Component<{ size?: number }>;
	/** whether the signed-in person is offered it */
	offered: () => boolean;
	/** reached from another section, not from the list */
	hidden?: boolean;
	/** how much in it waits for a person */
	count?: () => number;
}

const always = () => true;

export const sections: readonly SettingsSection[] = [
	{ id: 'profile', title: 'settings.profile', own: true, icon: UserRound, offered: always },
	{ id: 'work', title: 'settings.work', own: true, icon: Palette, offered: always },
	{ id: 'shortcuts', title: 'common.shortcuts', own: true, icon: Keyboard, offered: always },
	{ id: 'security', title: 'settings.security', own: true, icon: Shield, offered: always },
	{ id: 'tokens', title: 'settings.tokens', own: true, icon: KeyRound, offered: always },
	{ id: 'shops', title: 'settings.shops', own: false, icon: Store, offered: () => session.can('shop.manage') },
	{
		id: 'connections',
		title: 'settings.mailboxes',
		own: false,
		icon: Store,
		offered: () => session.can('connection.manage'),
		hidden: true
	},
	{
		id: 'set-aside',
		title: 'settings.setAside',
		own: false,
		icon: Inbox,
		offered: () => session.can('connection.ledger'),
		count: () => needs(directory.shops.values())
	},
	{ id: 'people', title: 'settings.people', own: false, icon: Users, offered: () => session.can('user.invite') },
	{ id: 'shifts', title: 'settings.shifts', own: false, icon: CalendarDays, offered: always },
	{
		id: 'routing',
		title: 'settings.simulator',
		own: false,
		icon: Route,
		offered: () => session.can('routing.manage')
	},
	{ id: 'teams', title: 'settings.teams', own: false, icon: UsersRound, offered: () => session.can('user.invite') },
	{ id: 'tags', title: 'settings.tags', own: false, icon: TagIcon, offered: always },
	{
		id: 'organisation',
		title: 'settings.organisation',
		own: false,
		icon: Building,
		offered: () => session.canEverywhere('shop.manage')
	},
	{ id: 'audit', title: 'settings.audit', own: false, icon: ScrollText, offered: () => session.can('audit.read') }
];
