-- The same tables as SQLite's; what they hold is said there. Times are milliseconds since 1970.
-- Texts are compared byte by byte ("C"): a page that goes on after an id has the order of the other stores,
-- and no index depends on the operating system's collations, which change with its releases.

CREATE TABLE resource (
    id            TEXT COLLATE "C" PRIMARY KEY,
    primary_key   TEXT NOT NULL,
    secondary_key TEXT NOT NULL,
    created       BIGINT NOT NULL
);

CREATE TABLE "user" (
    raw_id     TEXT COLLATE "C" PRIMARY KEY,
    resource   TEXT COLLATE "C" REFERENCES resource (id),
    generation BIGINT NOT NULL DEFAULT 0,
    deleted    BOOLEAN NOT NULL DEFAULT FALSE,
    created    BIGINT NOT NULL
);

CREATE TABLE member (
    oid          TEXT COLLATE "C" PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    upn          TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE meeting (
    id          TEXT COLLATE "C" PRIMARY KEY,
    digits      TEXT COLLATE "C" NOT NULL UNIQUE,
    passcode    TEXT,
    link_secret TEXT NOT NULL,
    thread      TEXT COLLATE "C" NOT NULL UNIQUE,
    join_url    TEXT COLLATE "C" NOT NULL UNIQUE,
    organizer   TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    created     BIGINT NOT NULL,
    starts      BIGINT NOT NULL,
    ends        BIGINT NOT NULL,
    subject     TEXT,
    -- JSON, here and below, is TEXT: the service reads it as a whole, and JSONB refuses some of what JSON allows.
    options     TEXT NOT NULL,
    breakout    TEXT,
    UNIQUE (organizer, external_id)
);

CREATE TABLE admission (
    meeting  TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    raw_id   TEXT COLLATE "C" NOT NULL,
    call     TEXT COLLATE "C" NOT NULL,
    endpoint TEXT NOT NULL,
    run      TEXT COLLATE "C" NOT NULL,
    room     TEXT,
    held     TEXT COLLATE "C",
    former   TEXT COLLATE "C",
    moves    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (raw_id, call)
);
CREATE INDEX admission_meeting ON admission (meeting);
