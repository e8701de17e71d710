// The JSON shapes of the HTTP API, under the names the screen uses. They come from schema.d.ts, which
// npm run types makes from the server's own document; what stands here in full is what that document
// leaves open. Ids are decimal strings, times RFC 3339 in UTC, "none" is null.
import type { components } from './schema';

type Schemas = components['schemas'];

/**
 * A schema in which objects that may be null say so, which a reference in the document cannot, and
 * times that are always there do not say null.
 */
type Shape<T, Null extends keyof T = never, Always extends keyof T = never> = Omit<T, Null | Always> & {
	[K in Null]: T[K] | null;
} & { [K in Always]: NonNullable<T[K]> };

export type Id = string;
/** RFC 3339, UTC. */
export type Time = string;

/** A sentence stored as data; lib/i18n/reason.ts words it in the reader's language. */
export interface Reason {
	code: string;
	params?: Record<string, unknown>;
}

export interface Page<T> {
	items: T[];
	next: string | null;
}

export type Address = Schemas['Address'];

export type Role = 'owner' | 'admin' | 'agent';

export type Permission =
	| 'conversation.read'
	| 'conversation.reply'
	| 'conversation.note'
	| 'conversation.tag'
	| 'conversation.assign'
	| 'conversation.close'
	| 'conversation.snooze'
	| 'contact.read'
	| 'contact.edit'
	| 'presence.set'
	| 'tag.manage'
	| 'shop.manage'
	| 'connection.manage'
	| 'connection.ledger'
	| 'message.raw'
	| 'user.invite'
	| 'role.grant'
	| 'roster.manage'
	| 'routing.manage'
	| 'audit.read'
	| 'owner.grant';

export interface Grant {
	role: Role;
	/** null: everywhere */
	shop: Id | null;
}

export type PresenceState = Presence['state'];

export type Presence = Schemas['Presence'];

export type LanguageCode = 'en' | 'ru' | 'it' | 'zh';

/** A person's choices; unknown names are kept by the server. */
export interface Settings {
	after_send?: 'next' | 'previous' | 'stay' | 'list';
	undo_seconds?: number;
	theme?: 'system' | 'light' | 'dark';
	density?: 'comfortable' | 'compact';
	/** false switches shortcuts without Ctrl or Alt off */
	single_keys?: boolean;
	/** command → keys chosen instead of the default; "" switches the command's key off */
	keys?: Record<string, string>;
	/** addresses of senders whose pictures from elsewhere are always shown, newest first */
	pictures_from?: string[];
	[name: string]: unknown;
}

export interface Me {
	id: Id;
	email: string;
	name: string;
	language: string;
	zone: string;
	organisation: string;
	roles: Grant[];
	/** permission → shops it holds in; ["*"] is everywhere */
	permissions: Partial<Record<Permission, string[]>>;
	settings: Settings;
	presence: Presence;
}

export type Session = Shape<Schemas['Session'], never, 'created_at'>;

export interface ApiToken {
	id: Id;
	name: string;
	created_at?: Time;
	used_at?: Time | null;
	expires_at: Time | null;
	/** only in the answer that creates it */
	token?: string;
}

export type User = Omit<Schemas['User'], 'roles'> & { roles: Grant[] };

export interface Invitation {
	id: Id;
	user: User;
	/** only in the answer that creates or resends it */
	link?: string;
	expires_at: Time;
	invited_by: Id | null;
}

export interface InvitationOffer {
	email: string;
	name: string;
	organisation: string;
	role: Role | '';
	/** reset: the account exists, the link only sets a new password */
	kind: 'invitation' | 'reset';
}

export type Team = Schemas['Team'];

export type ShopState = Shop['state'];
export type ConnectionState = Connection['state'];

export type ShopConnection = Shape<Omit<Schemas['ShopConnection'], 'alarms'>, 'problem'> & { alarms: Alarm[] };

export type Shop = Shape<Omit<Schemas['Shop'], 'connections'>, never, 'created_at'> & { connections: ShopConnection[] };

export type Member = Omit<Schemas['Member'], never>;

export type Fallback = Schemas['Fallback'];

export type Assignment = Schemas['Assignment'];

/** The part of JSON Schema that connection kinds use. */
export interface JsonSchema {
	type?: string | string[];
	title?: string;
	description?: string;
	default?: unknown;
	enum?: unknown[];
	format?: string;
	minimum?: number;
	maximum?: number;
	required?: string[];
	properties?: Record<string, JsonSchema>;
	items?: JsonSchema;
}

export interface ConnectionKind {
	kind: string;
	schema: JsonSchema;
	secrets: string[];
}

export type Connection = Shape<Omit<Schemas['Connection'], 'alarms'>, 'problem', 'created_at'> & { alarms: Alarm[] };

export type ConnectionCheck = Shape<Schemas['Check'], 'problem'>;

export type ConnectionTest = Omit<Schemas['Tested'], 'checks'> & { checks: ConnectionCheck[] };

export type LedgerState = LedgerEntry['state'];

export type LedgerEntry = Shape<Schemas['LedgerEntry'], 'reason', 'received_at'>;

export type FolderCount = Shape<Schemas['FolderCount'], never, 'counted_at'>;

export interface Ledger extends Page<LedgerEntry> {
	counts: Partial<Record<LedgerState, number>>;
	total: number;
	folders: FolderCount[];
}

export type Alarm = Shape<Schemas['Alarm'], 'reason'>;

export type Shift = Omit<Schemas['ShownShift'], 'since' | 'until'> & { since: string | null; until: string | null };

export type ExceptionKind = 'off' | 'leave' | 'extra';
export type RosterException = Omit<Schemas['ShownException'], 'kind' | 'from' | 'to'> & {
	kind: ExceptionKind;
	from: string | null;
	to: string | null;
};

export type Roster = {
	duties: Shape<Schemas['ShownDuty'], never, 'from' | 'to'>[];
	gaps: Shape<Schemas['ShownGap'], never, 'from' | 'to'>[];
};

export type Candidate = Shape<Schemas['ShownCandidate'], 'excluded'>;

export type Explanation = Shape<Omit<Schemas['Explanation'], 'candidates'>, 'reason', 'at'> & {
	candidates: Candidate[];
};

export type RoutingPreview = Omit<Schemas['ShownPreview'], 'reason' | 'candidates' | 'at' | 'next'> & {
	at: string;
	reason: Reason;
	next: string | null;
	candidates: Candidate[];
};

export type ConversationState = Conversation['state'];
export type Direction = Message['direction'];

export type Conversation = Shape<Schemas['Conversation'], 'assign_reason', 'created_at' | 'last_at'>;

export type ReplyRules = Shape<Schemas['ReplyRules'], 'reason'>;

/** Another conversation that belongs to the one that is read. */
export type Link = Shape<Schemas['Link'], never, 'last_at'>;

export type ConversationDetail = Conversation &
	Pick<Schemas['ConversationDetail'], 'seen_seq'> & { reply: ReplyRules; links: Link[] };

export type MessageState = Message['state'];

export type Attachment = Schemas['Attachment'];

export type Delivery = Shape<Schemas['MessageDelivery'], 'reason' | 'report', 'at'>;

export type Message = Shape<Omit<Schemas['Message'], 'deliveries'>, 'problem', 'at' | 'created_at'> & {
	deliveries: Delivery[];
};

export type Draft = Shape<Schemas['Draft'], never, 'updated_at'>;

export type View = 'mine' | 'unassigned' | 'mentions' | 'snoozed' | 'drafts' | 'sent' | 'closed' | 'all';

export type Count = Schemas['Count'];

export interface Counts {
	views: Partial<Record<View, Count>>;
	shops: Record<Id, Count>;
}

export const tagColors = [
	'grey',
	'red',
	'orange',
	'amber',
	'green',
	'teal',
	'blue',
	'indigo',
	'purple',
	'pink'
] as const;
export type TagColor = (typeof tagColors)[number];

export interface Tag {
	id: Id;
	name: string;
	color: TagColor;
	archived: boolean;
	uses: number;
}

export type Contact = Shape<Schemas['Contact'], never, 'created_at'>;

export type LiveEvent = Shape<Schemas['LoggedEvent'], never, 'at'>;

export type AuditEntry = Shape<Schemas['AuditEntry'], never, 'at'>;

export type OrganisationSettings = Schemas['Settings'];
