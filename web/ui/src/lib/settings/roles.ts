import type { Grant, Role } from '$lib/api/types';
import { list, t, type Key } from '$lib/i18n/i18n.svelte';
import { directory } from '$lib/store/directory.svelte';

const names: Record<Role, Key> = {
	owner: 'settings.roleOwner',
	admin: 'settings.roleAdmin',
	agent: 'settings.roleAgent'
};

export function roleName(role: Role): string {
	return t(names[role]);
}

/** "Admin everywhere, agent in Blue Shoes and Red Hats". */
export function rolesText(grants: Grant[]): string {
	const roles: Role[] = ['owner', 'admin', 'agent'];
	return roles
		.filter((role) => grants.some((grant) => grant.role === role))
		.map((role) => {
			const mine = grants.filter((grant) => grant.role === role);
			if (mine.some((grant) => grant.shop === null)) return t('settings.roleEverywhere', { role: roleName(role) });
			const shops = list(mine.map((grant) => directory.shopName(grant.shop)));
			return t('settings.roleIn', { role: roleName(role), shops });
		})
		.join('; ');
}
