CREATE TABLE chat_thread (
    id            TEXT COLLATE "C" PRIMARY KEY,
    origin        TEXT NOT NULL,
    topic         TEXT NOT NULL,
    created       BIGINT NOT NULL,
    creator       TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    retention     TEXT,
    deleted       BIGINT,
    last_id       BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    last_received BIGINT,
    -- A commit that was made from an older state is refused.
    revision      BIGINT NOT NULL
-- The row changes with every message and none of the indexed columns do: with room in its page the indexes stay
-- as they are.
) WITH (fillfactor = 50);
CREATE INDEX chat_thread_mortal ON chat_thread (id) WHERE retention IS NOT NULL AND deleted IS NULL;

CREATE TABLE chat_participant (
    thread      TEXT COLLATE "C" NOT NULL REFERENCES chat_thread (id) ON DELETE CASCADE,
    raw_id      TEXT COLLATE "C" NOT NULL,
    place       BIGINT NOT NULL,
    present     BOOLEAN NOT NULL,
    name        TEXT,
    shared_from BIGINT,
    windows     TEXT NOT NULL,
    read_id     BIGINT,
    read_at     BIGINT,
    attended    BOOLEAN NOT NULL,
    metadata    TEXT NOT NULL,
    PRIMARY KEY (thread, raw_id)
);
CREATE INDEX chat_participant_who ON chat_participant (raw_id, present);

CREATE TABLE chat_message (
    thread    TEXT COLLATE "C" NOT NULL REFERENCES chat_thread (id) ON DELETE CASCADE,
    id        BIGINT NOT NULL,
    sequence  BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    created   BIGINT NOT NULL,
    sender    TEXT COLLATE "C",
    client_id TEXT COLLATE "C",
    of_call   BOOLEAN NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (thread, id)
);
-- Sent twice, it is there once.
CREATE UNIQUE INDEX chat_message_client ON chat_message (thread, sender, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE chat_creation (
    raw_id  TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    thread  TEXT COLLATE "C" NOT NULL REFERENCES chat_thread (id) ON DELETE CASCADE,
    PRIMARY KEY (raw_id, request)
);

-- Of the resource (D3): this table may be in a database of its own.
CREATE TABLE guest_message (
    raw_id  TEXT COLLATE "C" PRIMARY KEY,
    thread  TEXT COLLATE "C" NOT NULL,
    message BIGINT NOT NULL,
    sent    BIGINT NOT NULL,
    body    TEXT NOT NULL
);
