-- Chat threads. Times are milliseconds since 1970.
CREATE TABLE chat_thread (
    id            TEXT PRIMARY KEY,
    -- Group, meeting or breakout room: JSON.
    origin        TEXT NOT NULL,
    topic         TEXT NOT NULL,
    created       INTEGER NOT NULL,
    creator       TEXT NOT NULL,
    -- JSON.
    metadata      TEXT NOT NULL,
    -- JSON.
    retention     TEXT,
    deleted       INTEGER,
    last_id       INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    last_received INTEGER,
    -- A commit that was made from an older state is refused.
    revision      INTEGER NOT NULL
) STRICT;

CREATE INDEX chat_thread_mortal ON chat_thread (id) WHERE retention IS NOT NULL AND deleted IS NULL;

-- Who takes part, or did.
CREATE TABLE chat_participant (
    thread      TEXT NOT NULL REFERENCES chat_thread (id) ON DELETE CASCADE,
    raw_id      TEXT NOT NULL,
    place       INTEGER NOT NULL,
    present     INTEGER NOT NULL,
    name        TEXT,
    shared_from INTEGER,
    -- What they may read: JSON.
    windows     TEXT NOT NULL,
    read_id     INTEGER,
    read_at     INTEGER,
    attended    INTEGER NOT NULL,
    metadata    TEXT NOT NULL,
    PRIMARY KEY (thread, raw_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_participant_who ON chat_participant (raw_id, present);

-- In the order of their ids, so that a page of history is one stretch of the table.
CREATE TABLE chat_message (
    thread    TEXT NOT NULL REFERENCES chat_thread (id) ON DELETE CASCADE,
    id        INTEGER NOT NULL,
    sequence  INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    sender    TEXT,
    client_id TEXT,
    -- An event of the call, which members alone see.
    of_call   INTEGER NOT NULL,
    -- Name, content, metadata, and what became of it: JSON.
    body      TEXT NOT NULL,
    PRIMARY KEY (thread, id)
) STRICT, WITHOUT ROWID;
-- Sent twice, it is there once.
CREATE UNIQUE INDEX chat_message_client ON chat_message (thread, sender, client_id) WHERE client_id IS NOT NULL;

-- Threads that were asked for under a repeatability id.
CREATE TABLE chat_creation (
    raw_id  TEXT NOT NULL,
    request TEXT NOT NULL,
    thread  TEXT NOT NULL REFERENCES chat_thread (id) ON DELETE CASCADE,
    PRIMARY KEY (raw_id, request)
) STRICT, WITHOUT ROWID;

-- Of each guest the last message that they sent in a meeting (D3). This table is of the resource: it may be
-- in a database of its own.
CREATE TABLE guest_message (
    raw_id  TEXT PRIMARY KEY,
    thread  TEXT NOT NULL,
    message INTEGER NOT NULL,
    sent    INTEGER NOT NULL,
    -- JSON.
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
