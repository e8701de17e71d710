// The names everybody needs: people, shops, tags and teams by id. Loaded once after sign-in and
// again when an event says that they changed. Maps are replaced, never mutated.
import { all } from '$lib/api/client';
import type { Id, Shop, Tag, Team, User } from '$lib/api/types';
import { t } from '$lib/i18n/i18n.svelte';

type Part = 'users' | 'shops' | 'tags' | 'teams';

function byId<T extends { id: Id }>(items: T[]): ReadonlyMap<Id, T> {
	return new Map(items.map((item) => [item.id, item]));
}

class Directory {
	users = $state.raw<ReadonlyMap<Id, User>>(new Map());
	shops = $state.raw<ReadonlyMap<Id, Shop>>(new Map());
	tags = $state.raw<ReadonlyMap<Id, Tag>>(new Map());
	teams = $state.raw<ReadonlyMap<Id, Team>>(new Map());

	/** Reads everything, or only the named parts, from the server. */
	async load(...parts: Part[]): Promise<void> {
		const wanted = new Set<Part>(parts.length > 0 ? parts : ['users', 'shops', 'tags', 'teams']);
		await Promise.all([
			wanted.has('users') && all<User>('/users').then((items) => (this.users = byId(items))),
			wanted.has('shops') && all<Shop>('/shops').then((items) => (this.shops = byId(items))),
			wanted.has('tags') && all<Tag>('/tags', { archived: true }).then((items) => (this.tags = byId(items))),
			wanted.has('teams') && all<Team>('/teams').then((items) => (this.teams = byId(items)))
		]);
	}

	/** Puts a record the server just answered with into its map. */
	putUser(user: User): void {
		this.users = new Map(this.users).set(user.id, user);
	}

	putShop(shop: Shop): void {
		this.shops = new Map(this.shops).set(shop.id, shop);
	}

	putTag(tag: Tag): void {
		this.tags = new Map(this.tags).set(tag.id, tag);
	}

	userName(id: Id | null | undefined): string {
		if (!id) return t('common.nobody');
		const user = this.users.get(id);
		return user ? user.name || user.email : t('common.someone');
	}

	shopName(id: Id | null | undefined): string {
		return (id && this.shops.get(id)?.name) || t('common.unknownShop');
	}

	tagName(id: Id): string {
		return this.tags.get(id)?.name ?? t('common.removedTag');
	}

	teamName(id: Id): string {
		return this.teams.get(id)?.name ?? t('common.removedTeam');
	}

	/** Forgets everything: somebody else may sign in next. */
	clear(): void {
		this.users = new Map();
		this.shops = new Map();
		this.tags = new Map();
		this.teams = new Map();
	}
}

export const directory = new Directory();
