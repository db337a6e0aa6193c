-- Queued runs on their way from one server to another. `stage`: withdrawing (the source may still
-- have it), arriving (the source has given it up for ever; `spec` is what the target gets).
CREATE TABLE IF NOT EXISTS moves (
    run     TEXT NOT NULL,
    project TEXT NOT NULL,
    source  TEXT NOT NULL,
    target  TEXT NOT NULL,
    stage   TEXT NOT NULL,
    spec    TEXT,
    PRIMARY KEY (project, run)
);
-- Since when a server has answered nothing, however often it was asked.
CREATE TABLE IF NOT EXISTS unreachable (
    server TEXT PRIMARY KEY,
    since  REAL NOT NULL
);
