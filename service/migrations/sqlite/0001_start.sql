-- Times are milliseconds since 1970; booleans are 0 and 1.

-- Communication Services resources: issuers of guest identities.
CREATE TABLE resource (
    id            TEXT PRIMARY KEY,
    primary_key   TEXT NOT NULL,
    secondary_key TEXT NOT NULL,
    created       INTEGER NOT NULL
) STRICT;

-- Users whose tokens this service issues. A member has a row from their first token on.
CREATE TABLE user (
    raw_id     TEXT PRIMARY KEY,
    resource   TEXT REFERENCES resource (id),
    -- A token of an earlier generation is revoked (S6).
    generation INTEGER NOT NULL DEFAULT 0,
    deleted    INTEGER NOT NULL DEFAULT 0,
    created    INTEGER NOT NULL
) STRICT;

-- Members of the development organisation (S10).
CREATE TABLE member (
    oid          TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    upn          TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE meeting (
    id          TEXT PRIMARY KEY,
    digits      TEXT NOT NULL UNIQUE,
    -- Null: the id alone opens the meeting.
    passcode    TEXT,
    -- What the link carries as p=; not to be had from id and passcode (S8).
    link_secret TEXT NOT NULL,
    thread      TEXT NOT NULL UNIQUE,
    join_url    TEXT NOT NULL UNIQUE,
    organizer   TEXT NOT NULL,
    external_id TEXT,
    created     INTEGER NOT NULL,
    starts      INTEGER NOT NULL,
    ends        INTEGER NOT NULL,
    subject     TEXT,
    -- Lobby bypass, presenters, admitters, invited members: JSON.
    options     TEXT NOT NULL,
    UNIQUE (organizer, external_id)
) STRICT;

-- Living admissions: who comes back after a restart is in without the lobby.
CREATE TABLE admission (
    meeting  TEXT NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    raw_id   TEXT NOT NULL,
    call     TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    -- The run of the service that saw it last; those of earlier runs lapse.
    run      TEXT NOT NULL,
    PRIMARY KEY (raw_id, call)
) STRICT;
CREATE INDEX admission_meeting ON admission (meeting);
