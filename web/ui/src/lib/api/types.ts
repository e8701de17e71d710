// The JSON shapes of the HTTP API, as the server writes them: ids are decimal strings, times RFC 3339
// in UTC, "none" is null.

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

export interface Address {
	name: string;
	address: string;
}

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

export type PresenceState = 'available' | 'break' | 'leave';

export interface Presence {
	state: PresenceState;
	since: Time | null;
	until: Time | null;
}

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

export interface Session {
	id: Id;
	created_at: Time;
	seen_at: Time | null;
	address: string;
	agent: string;
	current: boolean;
}

export interface ApiToken {
	id: Id;
	name: string;
	created_at?: Time;
	used_at?: Time | null;
	expires_at: Time | null;
	/** only in the answer that creates it */
	token?: string;
}

export interface User {
	id: Id;
	email: string;
	name: string;
	language: string;
	zone: string;
	status: 'invited' | 'active' | 'disabled';
	roles: Grant[];
	presence: Presence;
	on_shift: boolean;
	/** open conversations assigned to this person */
	open: number;
	seen_at: Time | null;
}

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

export interface Team {
	id: Id;
	name: string;
	users: Id[];
}

export type ShopState = 'draft' | 'authorizing' | 'active' | 'degraded' | 'expired' | 'stopped' | 'closed';
export type ConnectionState = 'new' | 'connected' | 'degraded' | 'expired' | 'disabled';

export interface ShopConnection {
	id: Id;
	kind: string;
	name: string;
	state: ConnectionState;
	problem: Reason | null;
}

export interface Shop {
	id: Id;
	name: string;
	zone: string;
	state: ShopState;
	language: string;
	sender_name: string;
	signature: string;
	/** an answer is due so long after the oldest unanswered customer message; 0 = no target */
	reply_minutes: number;
	connections: ShopConnection[];
	created_at: Time;
}

export interface Member {
	user: Id;
	/** 0 = primary, then backups in order */
	position: number;
	sees: 'shop' | 'assigned';
	may_take: boolean;
	receives: boolean;
}

export interface Fallback {
	kind: 'queue' | 'user' | 'team';
	user: Id | null;
	team: Id | null;
}

export interface Assignment {
	primary: Id | null;
	backups: Id[];
	fallback: Fallback;
	limit: number;
}

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

export interface Connection {
	id: Id;
	shop: Id;
	kind: string;
	name: string;
	settings: Record<string, unknown>;
	secrets_set: string[];
	state: ConnectionState;
	problem: Reason | null;
	live_from: Time | null;
	last_in_at: Time | null;
	last_out_at: Time | null;
	checked_at: Time | null;
	created_at: Time;
}

export interface ConnectionCheck {
	name: string;
	ok: boolean;
	problem: Reason | null;
	detail: string;
}

export interface ConnectionTest {
	ok: boolean;
	checks: ConnectionCheck[];
}

export type LedgerState = 'message' | 'same' | 'automatic' | 'ignored' | 'set_aside' | 'taking';

export interface LedgerEntry {
	id: Id;
	source_key: string;
	state: LedgerState;
	message: Id | null;
	conversation: Id | null;
	reason: Reason | null;
	size: number;
	attempts: number;
	received_at: Time | null;
	taken_at: Time | null;
}

export interface Ledger extends Page<LedgerEntry> {
	counts: Partial<Record<LedgerState, number>>;
}

export interface Shift {
	id: Id;
	user: Id;
	zone: string;
	/** ISO: 1 = Monday … 7 = Sunday, the day the shift begins */
	weekdays: number[];
	/** "09:00" */
	from: string;
	/** "17:00"; not after from: the next day; "24:00" is allowed */
	to: string;
	/** first day, "2026-01-31"; null = always */
	since: string | null;
	/** last day, inclusive; null = for ever */
	until: string | null;
}

export interface Roster {
	duties: { user: Id; from: Time; to: Time }[];
	gaps: { shop: Id; from: Time; to: Time }[];
}

export interface Candidate {
	user: Id;
	position: number | null;
	on_shift: boolean;
	presence: PresenceState;
	open: number;
	limit: number;
	due_soon: number;
	last_assigned_at: Time | null;
	chosen: boolean;
	excluded: Reason | null;
}

export interface Explanation {
	conversation: Id;
	at: Time;
	assignee: Id | null;
	reason: Reason | null;
	candidates: Candidate[];
}

export type ConversationState = 'open' | 'pending' | 'snoozed' | 'closed';
export type Direction = 'in' | 'out' | 'note';

export interface Conversation {
	id: Id;
	shop: Id;
	connection: Id;
	channel: string;
	kind: string;
	subject: string;
	contact: { id: Id; name: string; address: string };
	state: ConversationState;
	closed_reason: '' | 'done' | 'spam' | 'merged' | 'history';
	status: Id | null;
	assignee: Id | null;
	assigned_at: Time | null;
	assign_reason: Reason | null;
	tags: Id[];
	preview: { text: string; author: Id | null; direction: Direction };
	messages: number;
	has_attachments: boolean;
	unread: boolean;
	draft: boolean;
	last_at: Time;
	waiting_since: Time | null;
	due_at: Time | null;
	snoozed_until: Time | null;
	created_at: Time;
	version: number;
}

export interface ReplyRules {
	allowed: boolean;
	reason: Reason | null;
	from: string;
	to: Address[];
	cc: Address[];
	max_length: number | null;
	files: boolean;
}

export interface ConversationDetail extends Conversation {
	reply: ReplyRules;
	/** number of the newest event this answer includes */
	seen_seq: number;
}

export type MessageState =
	| 'received'
	| 'scheduled'
	| 'held'
	| 'queued'
	| 'sending'
	| 'sent'
	| 'delivered'
	| 'read'
	| 'failed'
	| 'uncertain'
	| 'withdrawn';

export interface Attachment {
	id: Id;
	name: string;
	content_type: string;
	size: number;
	inline: boolean;
	content_id: string;
}

export interface Message {
	id: Id;
	conversation: Id;
	direction: Direction;
	state: MessageState;
	problem: Reason | null;
	author: Id | null;
	from: Address;
	to: Address[];
	cc: Address[];
	bcc: Address[];
	subject: string;
	text: string;
	reply_text: string;
	html: boolean;
	at: Time;
	send_at: Time | null;
	created_at: Time;
	automatic: boolean;
	unverified: boolean;
	mentions: Id[];
	attachments: Attachment[];
}

export interface Draft {
	kind: 'reply' | 'note';
	text: string;
	html: string;
	cc: Address[];
	bcc: Address[];
	attachments: Attachment[];
	updated_at: Time;
}

export type View = 'mine' | 'unassigned' | 'mentions' | 'snoozed' | 'drafts' | 'sent' | 'closed' | 'all';

export interface Count {
	total: number;
	unread: number;
}

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

export interface Contact {
	id: Id;
	name: string;
	identities: { kind: string; realm: string; remote_id: string; name: string }[];
	created_at: Time;
	conversations: number;
	last_at: Time | null;
}

export interface LiveEvent {
	seq: number;
	kind: string;
	at: Time;
	shop: Id | null;
	conversation: Id | null;
	actor: Id | null;
	data: Record<string, unknown>;
}

export interface AuditEntry {
	id: Id;
	at: Time;
	actor: Id | null;
	address: string;
	action: string;
	/** kind and id, such as "user 7" or "shift 3 of user 7" */
	object: string;
	shop: Id | null;
	/** what it was, where that is short; may be JSON */
	before: string;
	after: string;
}

export interface OrganisationSettings {
	organisation: string;
	undo_seconds: number;
}
