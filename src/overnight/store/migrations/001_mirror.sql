-- The local mirror of one project: what the servers last said, and what we were about to do.
CREATE TABLE IF NOT EXISTS servers (
    name    TEXT PRIMARY KEY,
    seen_at REAL NOT NULL,
    problem TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS runs (
    server  TEXT NOT NULL,
    run     TEXT NOT NULL,
    seen_at REAL NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (server, run)
);
CREATE TABLE IF NOT EXISTS events (
    server TEXT NOT NULL,
    run    TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (server, run, seq)
) WITHOUT ROWID;
-- A launch that has begun and of which the server has not yet said that it has the run.
CREATE TABLE IF NOT EXISTS intents (
    content_key TEXT NOT NULL,
    server      TEXT NOT NULL,
    run         TEXT NOT NULL,
    launch_id   TEXT NOT NULL,
    PRIMARY KEY (content_key, server)
);
CREATE TABLE IF NOT EXISTS smoke_passes (
    snapshot    TEXT NOT NULL,
    command_key TEXT NOT NULL,
    server      TEXT NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (snapshot, command_key, server)
);
CREATE TABLE IF NOT EXISTS manifests (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
