-- Times are microseconds UTC; NULL means "none". JSON is TEXT. Ids are never used twice.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- People and rights ---------------------------------------------------------------------------

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    email         TEXT NOT NULL UNIQUE, -- lower case
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL DEFAULT '', -- PHC string; '' = cannot sign in by password
    language      TEXT NOT NULL DEFAULT 'en',
    zone          TEXT NOT NULL DEFAULT 'UTC',
    status        TEXT NOT NULL, -- invited, active, disabled
    settings      TEXT NOT NULL DEFAULT '{}',
    seen_at       INTEGER,
    created_at    INTEGER NOT NULL
);

-- casbin's lines: p = role may, g = user has role in domain (a shop id or *).
CREATE TABLE casbin_rules (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    ptype TEXT NOT NULL,
    v0    TEXT NOT NULL DEFAULT '',
    v1    TEXT NOT NULL DEFAULT '',
    v2    TEXT NOT NULL DEFAULT '',
    UNIQUE (ptype, v0, v1, v2)
);

-- One row; every change of casbin_rules raises it in the same transaction.
CREATE TABLE policy_version (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO policy_version (id, version) VALUES (1, 1);

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE, -- SHA-256 of the cookie
    user_id    INTEGER NOT NULL REFERENCES users (id),
    agent      TEXT NOT NULL DEFAULT '', -- the browser's own words, cut
    address    TEXT NOT NULL DEFAULT '',
    keep       INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_idle ON sessions (idle_until);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL,
    expires_at INTEGER,
    used_at    INTEGER,
    created_at INTEGER NOT NULL
);
CREATE INDEX tokens_user ON tokens (user_id);

-- Links that let somebody set a password: an invitation, or a reset.
CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    kind       TEXT NOT NULL, -- invitation, reset
    inviter_id INTEGER REFERENCES users (id),
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    created_at INTEGER NOT NULL
);
CREATE INDEX invitations_user ON invitations (user_id);

CREATE TABLE idempotency_keys (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    operation  TEXT NOT NULL,
    idem_key   TEXT NOT NULL,
    body_hash  BLOB NOT NULL,
    status     INTEGER NOT NULL DEFAULT 0, -- 0 while the first call is under way
    answer     BLOB,
    location   TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, operation, idem_key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor_id   INTEGER, -- NULL = the program or nobody signed in
    address    TEXT NOT NULL DEFAULT '',
    action     TEXT NOT NULL,
    object     TEXT NOT NULL DEFAULT '',
    shop_id    INTEGER,
    old_value  TEXT NOT NULL DEFAULT '',
    new_value  TEXT NOT NULL DEFAULT ''
);

CREATE TABLE teams (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE team_users (
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (team_id, user_id)
);

-- Shops ---------------------------------------------------------------------------------------

CREATE TABLE shops (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT NOT NULL UNIQUE,
    zone             TEXT NOT NULL,
    state            TEXT NOT NULL,
    language         TEXT NOT NULL DEFAULT '',
    sender_name      TEXT NOT NULL DEFAULT '',
    signature        TEXT NOT NULL DEFAULT '',
    reply_minutes    INTEGER NOT NULL DEFAULT 1440, -- 0 = no target
    fallback         TEXT NOT NULL DEFAULT 'queue',
    fallback_user_id INTEGER REFERENCES users (id),
    fallback_team_id INTEGER REFERENCES teams (id),
    agent_limit      INTEGER NOT NULL DEFAULT 30, -- open conversations per agent for automatic assignment
    created_at       INTEGER NOT NULL
);

CREATE TABLE members (
    shop_id  INTEGER NOT NULL REFERENCES shops (id),
    user_id  INTEGER NOT NULL REFERENCES users (id),
    position INTEGER NOT NULL, -- 0 = primary
    sees     TEXT NOT NULL DEFAULT 'shop', -- shop, assigned
    may_take INTEGER NOT NULL DEFAULT 1,
    receives INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (shop_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE connections (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    shop_id       INTEGER NOT NULL REFERENCES shops (id),
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    settings      TEXT NOT NULL,
    secret        BLOB,
    secret_names  TEXT NOT NULL DEFAULT '[]',
    state         TEXT NOT NULL,
    problem       TEXT, -- reason as JSON
    live_from     INTEGER NOT NULL,
    position      TEXT NOT NULL DEFAULT '', -- the adapter's cursor
    last_in_at    INTEGER,
    taken_at      INTEGER, -- when something new was last taken in
    last_out_at   INTEGER,
    checked_at    INTEGER,
    inside       INTEGER NOT NULL DEFAULT 0, -- its hosts may lie in the server's own network
    silence_hours INTEGER NOT NULL DEFAULT 0, -- alarm after so many without mail; 0 = by its rhythm, -1 = never
    created_at    INTEGER NOT NULL
);
CREATE INDEX connections_shop ON connections (shop_id);

-- Mail for this address that arrives by a connection belongs to this shop.
CREATE TABLE routes (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    address       TEXT NOT NULL,
    shop_id       INTEGER NOT NULL REFERENCES shops (id),
    PRIMARY KEY (connection_id, address)
);

-- Who may act for a connection; the fence rises with every new holder.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    node       TEXT NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

-- Customers -----------------------------------------------------------------------------------

CREATE TABLE contacts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE identities (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_id INTEGER NOT NULL REFERENCES contacts (id),
    kind       TEXT NOT NULL,
    realm      TEXT NOT NULL DEFAULT '',
    remote_id  TEXT NOT NULL,
    UNIQUE (kind, realm, remote_id)
);
CREATE INDEX identities_contact ON identities (contact_id);

-- In which shops a customer is known, and under which name there.
CREATE TABLE identity_shops (
    identity_id INTEGER NOT NULL REFERENCES identities (id),
    shop_id     INTEGER NOT NULL REFERENCES shops (id),
    name        TEXT NOT NULL,
    PRIMARY KEY (identity_id, shop_id)
);
CREATE INDEX identity_shops_shop ON identity_shops (shop_id, identity_id);

-- Conversations -------------------------------------------------------------------------------

CREATE TABLE statuses (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE conversations (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    shop_id         INTEGER NOT NULL REFERENCES shops (id),
    connection_id   INTEGER NOT NULL REFERENCES connections (id),
    contact_id      INTEGER NOT NULL REFERENCES contacts (id),
    contact_name    TEXT NOT NULL,
    contact_address TEXT NOT NULL,
    kind            TEXT NOT NULL,
    remote_thread   TEXT NOT NULL DEFAULT '', -- the marketplace's thread id
    subject         TEXT NOT NULL,
    state           TEXT NOT NULL, -- open, pending, snoozed, closed
    closed_reason   TEXT NOT NULL DEFAULT '',
    active          INTEGER NOT NULL, -- 1 = open or pending
    status_id       INTEGER REFERENCES statuses (id),
    assignee_id     INTEGER REFERENCES users (id),
    assigned_at     INTEGER,
    assign_reason   TEXT, -- reason as JSON
    preview         TEXT NOT NULL DEFAULT '',
    preview_author  INTEGER,
    preview_kind    TEXT NOT NULL DEFAULT 'in',
    messages        INTEGER NOT NULL DEFAULT 0,
    has_attachments INTEGER NOT NULL DEFAULT 0,
    last_in_id      INTEGER NOT NULL DEFAULT 0, -- newest message of the customer; decides "unread"
    last_out_at     INTEGER, -- when the newest answer of an agent was sent
    last_at         INTEGER NOT NULL,
    waiting_since   INTEGER,
    due_at          INTEGER,
    sort_due        INTEGER NOT NULL, -- due_at, or 2^62 - last_at: what is due first, then the newest
    snoozed_until   INTEGER,
    topic           INTEGER NOT NULL DEFAULT 0, -- of the subject without "Re:" and the like; 0 = none
    merged_into     INTEGER REFERENCES conversations (id), -- whose thread shows what was said here
    unverified      INTEGER NOT NULL DEFAULT 0, -- the customer's newest message is of somebody unproved
    created_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1
);
-- Of indexes that look equally good SQLite takes the one made last: the whole before its parts, and
-- what is due, which is nearly who waits longest, after what is new.
-- last_in_id stands in two of them so that counting what is unread reads the index alone.
CREATE INDEX conversations_shop_all ON conversations (shop_id, last_at DESC, id DESC);
CREATE INDEX conversations_shop_last ON conversations (shop_id, last_at DESC, id DESC, last_in_id) WHERE active = 1;
CREATE INDEX conversations_shop_due ON conversations (shop_id, sort_due, id) WHERE active = 1;
CREATE INDEX conversations_assignee_last ON conversations (assignee_id, last_at DESC, id DESC, last_in_id) WHERE active = 1;
CREATE INDEX conversations_assignee_due ON conversations (assignee_id, sort_due, id) WHERE active = 1;
CREATE INDEX conversations_due ON conversations (sort_due, id) WHERE active = 1;
CREATE INDEX conversations_last ON conversations (last_at DESC, id DESC);
-- What everybody has to do, and in which shops customers wait for him: by index alone.
CREATE INDEX conversations_load ON conversations (assignee_id, shop_id, due_at, waiting_since) WHERE state = 'open' AND assignee_id IS NOT NULL;
CREATE INDEX conversations_queue ON conversations (shop_id, sort_due, id) WHERE state = 'open' AND assignee_id IS NULL;
CREATE INDEX conversations_contact ON conversations (contact_id, last_at DESC, id DESC);
CREATE INDEX conversations_snoozed ON conversations (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX conversations_topic ON conversations (contact_id, shop_id, topic, id) WHERE topic <> 0;
CREATE INDEX conversations_merged ON conversations (merged_into) WHERE merged_into IS NOT NULL;
CREATE UNIQUE INDEX conversations_remote ON conversations (connection_id, shop_id, remote_thread) WHERE remote_thread <> '';

-- What belongs together and is no single thread. Both conversations show the link, each to those who
-- see the other one.
CREATE TABLE links (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id), -- the one that came later
    other_id        INTEGER NOT NULL REFERENCES conversations (id),
    kind            TEXT NOT NULL, -- sibling, related, split, merged
    reason          TEXT NOT NULL DEFAULT '', -- of related: answers, references, subject
    actor_id        INTEGER REFERENCES users (id), -- NULL = the program
    restores        TEXT, -- JSON: of merged, what separating them gives back
    at              INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, other_id, kind)
);
CREATE INDEX links_other ON links (other_id, conversation_id);

CREATE TABLE messages (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    home_id         INTEGER REFERENCES conversations (id), -- where it was before that was merged into conversation_id
    shop_id         INTEGER NOT NULL,
    connection_id   INTEGER NOT NULL,
    direction       TEXT NOT NULL, -- in, out, note
    state           TEXT NOT NULL,
    problem         TEXT, -- reason as JSON
    author_id       INTEGER REFERENCES users (id),
    from_name       TEXT NOT NULL DEFAULT '',
    from_address    TEXT NOT NULL DEFAULT '',
    recipients      TEXT NOT NULL DEFAULT '{}', -- {"to":[],"cc":[],"bcc":[]}
    subject         TEXT NOT NULL DEFAULT '',
    body            TEXT NOT NULL,
    reply_text      TEXT NOT NULL DEFAULT '',
    html            TEXT NOT NULL DEFAULT '',
    header_id       TEXT NOT NULL DEFAULT '', -- Message-ID without <>
    in_reply_to     TEXT NOT NULL DEFAULT '',
    refs            TEXT NOT NULL DEFAULT '[]',
    remote_id       TEXT NOT NULL DEFAULT '',
    sameness        BLOB, -- SHA-256; NULL for what was written here
    raw_hash        TEXT NOT NULL DEFAULT '',
    send_key        TEXT, -- the Idempotency-Key of a reply or note
    send_hash       TEXT NOT NULL DEFAULT '', -- SHA-256 of the request under send_key, hex
    restores        TEXT, -- JSON: what an undone or failed reply gives back to its conversation
    automatic       TEXT NOT NULL DEFAULT '', -- '' = written by a person
    protection      TEXT NOT NULL DEFAULT '', -- how it was signed or encrypted
    unverified      INTEGER NOT NULL DEFAULT 0,
    files           INTEGER NOT NULL DEFAULT 0,
    mentions        TEXT NOT NULL DEFAULT '[]',
    at              INTEGER NOT NULL,
    send_at         INTEGER,
    created_at      INTEGER NOT NULL
);
CREATE INDEX messages_thread ON messages (conversation_id, at, id);
CREATE INDEX messages_home ON messages (home_id) WHERE home_id IS NOT NULL;
CREATE INDEX messages_header ON messages (header_id, shop_id) WHERE header_id <> '';
CREATE UNIQUE INDEX messages_same ON messages (connection_id, sameness, shop_id) WHERE sameness IS NOT NULL;
CREATE UNIQUE INDEX messages_key ON messages (author_id, send_key) WHERE send_key IS NOT NULL;
CREATE INDEX messages_sent ON messages (author_id, at DESC, id DESC) WHERE direction = 'out' AND author_id IS NOT NULL;
CREATE INDEX messages_leaving ON messages (state, send_at) WHERE state IN ('scheduled', 'held', 'queued', 'sending', 'uncertain', 'failed');

-- What was deleted here, by its sameness: the source does not bring it back.
CREATE TABLE forgotten (
    connection_id INTEGER NOT NULL REFERENCES connections (id),
    shop_id       INTEGER NOT NULL,
    sameness      BLOB NOT NULL,
    at            INTEGER NOT NULL,
    PRIMARY KEY (connection_id, shop_id, sameness)
) WITHOUT ROWID;

CREATE TABLE mentions (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    message_id      INTEGER NOT NULL REFERENCES messages (id),
    PRIMARY KEY (user_id, conversation_id, message_id)
);

CREATE TABLE attachments (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id   INTEGER REFERENCES messages (id), -- NULL while uploaded and not sent
    uploader_id  INTEGER REFERENCES users (id),
    name         TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size         INTEGER NOT NULL,
    inline       INTEGER NOT NULL DEFAULT 0,
    content_id   TEXT NOT NULL DEFAULT '',
    hash         TEXT NOT NULL,
    created_at   INTEGER NOT NULL
);
CREATE INDEX attachments_message ON attachments (message_id);
CREATE INDEX attachments_hash ON attachments (hash);
CREATE INDEX attachments_unsent ON attachments (created_at) WHERE message_id IS NULL;

-- Small content, compressed; larger content is in the blob store under the same hash.
CREATE TABLE blobs (
    hash TEXT PRIMARY KEY, -- SHA-256 of the content, hex
    size INTEGER NOT NULL, -- of the content
    data BLOB NOT NULL     -- zstd
);

-- Everything a connection ever received, and what became of it.
CREATE TABLE ledger (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id INTEGER NOT NULL REFERENCES connections (id),
    source_key    TEXT NOT NULL,
    folder        TEXT NOT NULL DEFAULT '', -- where at the source, in which numbering, under which number
    epoch         INTEGER NOT NULL DEFAULT 0,
    number        INTEGER NOT NULL DEFAULT 0,
    state         TEXT NOT NULL,
    message_id    INTEGER REFERENCES messages (id),
    reason        TEXT, -- reason as JSON
    sender        TEXT NOT NULL DEFAULT '', -- lower-case address
    subject       TEXT NOT NULL DEFAULT '',
    header_id     TEXT NOT NULL DEFAULT '', -- Message-ID without <>
    size          INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    raw_hash      TEXT NOT NULL DEFAULT '',
    received_at   INTEGER NOT NULL,
    taken_at      INTEGER,
    retry_by      INTEGER REFERENCES users (id), -- who asked to have it read again; NULL = nobody, or it is done
    UNIQUE (connection_id, source_key)
);
CREATE INDEX ledger_newest ON ledger (connection_id, received_at, id);
CREATE INDEX ledger_state ON ledger (connection_id, state, received_at, id);
CREATE INDEX ledger_place ON ledger (connection_id, folder, epoch, number);
CREATE INDEX ledger_sender ON ledger (connection_id, sender) WHERE sender <> '';
CREATE INDEX ledger_header ON ledger (connection_id, header_id) WHERE header_id <> '';
CREATE INDEX ledger_message ON ledger (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX ledger_raw ON ledger (raw_hash) WHERE raw_hash <> '';
CREATE INDEX ledger_aside ON ledger (received_at, id) WHERE state = 'set_aside';
CREATE INDEX ledger_retry ON ledger (id) WHERE retry_by IS NOT NULL;

-- What a folder of a source held when it was last counted, beside what the ledger has of it.
CREATE TABLE folders (
    connection_id   INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    folder          TEXT NOT NULL,
    epoch           INTEGER NOT NULL,
    held            INTEGER NOT NULL, -- lay there; = recorded - gone + outside + waiting + missing
    recorded        INTEGER NOT NULL, -- lines of the ledger
    gone            INTEGER NOT NULL, -- of these, no longer there
    outside         INTEGER NOT NULL, -- lay there and is not taken: older than the import
    waiting         INTEGER NOT NULL, -- lay there and was not yet read
    missing         INTEGER NOT NULL,
    missing_numbers TEXT NOT NULL DEFAULT '[]', -- the first of them
    counted_at      INTEGER NOT NULL,
    PRIMARY KEY (connection_id, folder, epoch)
);

-- How much a connection received in which hour (since 1970): its rhythm.
CREATE TABLE arrivals (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    hour          INTEGER NOT NULL,
    items         INTEGER NOT NULL,
    PRIMARY KEY (connection_id, hour)
);

-- What is wrong with a connection beyond its state, one row per kind while it lasts.
CREATE TABLE alarms (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL, -- silence, not_checked, count_differs
    reason        TEXT NOT NULL, -- reason as JSON
    since         INTEGER NOT NULL,
    PRIMARY KEY (connection_id, kind)
);

-- One row per try to hand a message over; committed before any byte leaves.
CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    node       TEXT NOT NULL,
    fence      INTEGER NOT NULL,
    began_at   INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT NOT NULL DEFAULT '', -- '', sent, failed, uncertain, held, retry
    reason     TEXT
);
CREATE INDEX attempts_message ON attempts (message_id);
CREATE INDEX attempts_open ON attempts (node) WHERE ended_at IS NULL;

-- What reports say of a message that was sent, by recipient.
CREATE TABLE deliveries (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    recipient  TEXT NOT NULL, -- lower case; '' = the report does not tell
    outcome    TEXT NOT NULL, -- failed, delayed, delivered, read, complained
    status     TEXT NOT NULL DEFAULT '', -- RFC 3463
    permanent  INTEGER NOT NULL DEFAULT 0,
    report_id  INTEGER REFERENCES messages (id), -- the message that says so
    at         INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (message_id, recipient, outcome)
);

CREATE TABLE tags (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL UNIQUE, -- folded
    color       TEXT NOT NULL,
    archived_at INTEGER,
    created_at  INTEGER NOT NULL
);
CREATE TABLE conversation_tags (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    tag_id          INTEGER NOT NULL REFERENCES tags (id),
    user_id         INTEGER,
    at              INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, tag_id)
);
CREATE INDEX conversation_tags_tag ON conversation_tags (tag_id, conversation_id);

CREATE TABLE drafts (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    user_id         INTEGER NOT NULL REFERENCES users (id),
    kind            TEXT NOT NULL, -- reply, note
    content         TEXT NOT NULL, -- JSON
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, conversation_id, kind)
);

-- How far somebody has read: the newest customer message he has seen.
CREATE TABLE reads (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    message_id      INTEGER NOT NULL,
    PRIMARY KEY (user_id, conversation_id)
) WITHOUT ROWID;

-- Why somebody holds a conversation: one row per change, with the inputs of the decision.
CREATE TABLE assignments (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    at              INTEGER NOT NULL,
    from_id         INTEGER,
    to_id           INTEGER,
    actor_id        INTEGER, -- NULL = assigned by rule
    reason          TEXT NOT NULL,
    candidates      TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX assignments_conversation ON assignments (conversation_id, id);
CREATE INDEX assignments_to ON assignments (to_id, at) WHERE actor_id IS NULL;

-- Roster --------------------------------------------------------------------------------------

CREATE TABLE shifts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users (id),
    zone        TEXT NOT NULL,
    weekdays    TEXT NOT NULL, -- JSON, ISO days
    from_minute INTEGER NOT NULL,
    to_minute   INTEGER NOT NULL,
    since       TEXT NOT NULL DEFAULT '',
    until       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX shifts_user ON shifts (user_id);

-- Days on which somebody's roster is another: off, leave, extra.
CREATE TABLE roster_exceptions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users (id),
    kind        TEXT NOT NULL,
    first_day   TEXT NOT NULL, -- 2006-01-02, both inclusive
    last_day    TEXT NOT NULL,
    zone        TEXT NOT NULL,
    from_minute INTEGER NOT NULL DEFAULT 0, -- of an extra shift
    to_minute   INTEGER NOT NULL DEFAULT 0,
    note        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX roster_exceptions_user ON roster_exceptions (user_id, first_day, id);
CREATE INDEX roster_exceptions_days ON roster_exceptions (last_day);

CREATE TABLE presence (
    user_id INTEGER PRIMARY KEY REFERENCES users (id),
    state   TEXT NOT NULL,
    since   INTEGER NOT NULL,
    until   INTEGER
);
-- What presence was, so that "who worked when" can be shown.
CREATE TABLE presence_log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id  INTEGER NOT NULL REFERENCES users (id),
    state    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    actor_id INTEGER
);

-- The log -------------------------------------------------------------------------------------

CREATE TABLE events (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT NOT NULL,
    at              INTEGER NOT NULL,
    shop_id         INTEGER NOT NULL DEFAULT 0,
    conversation_id INTEGER NOT NULL DEFAULT 0,
    actor_id        INTEGER NOT NULL DEFAULT 0,
    from_id         INTEGER NOT NULL DEFAULT 0,
    to_id           INTEGER NOT NULL DEFAULT 0,
    data            TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX events_conversation ON events (conversation_id, seq) WHERE conversation_id <> 0;
CREATE INDEX events_at ON events (at);

-- The words of a message, of its subject and of its sender, with the shop as one of them (s12).
-- The words are made by inbox/content/tokens; rowid is the message's id.
CREATE VIRTUAL TABLE message_words USING fts5 (words, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 0 tokenchars '_'");
