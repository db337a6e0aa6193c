-- The series of a project's runs. All of it can be read again from .overnight/results.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    version    INTEGER NOT NULL,   -- grows with every change, so that two writers notice each other
    records    TEXT NOT NULL,      -- sizes and times of state.json and spec.json as they were read
    state      TEXT,
    server     TEXT,
    sweep      TEXT,
    seed       INTEGER,
    snapshot   TEXT,
    git_commit TEXT,
    dirty      INTEGER,
    command    TEXT,
    created_at REAL,
    started_at REAL,
    ended_at   REAL,
    altered    INTEGER NOT NULL DEFAULT 0,
    settings   TEXT NOT NULL DEFAULT '{}',
    repeated   TEXT                -- what a later attempt did again, in JSON
);
CREATE TABLE attempts (
    run_id     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    attempt    INTEGER NOT NULL,
    started_at REAL,
    ended_at   REAL,
    exit_code  INTEGER,
    signal     TEXT,
    cause      TEXT,
    checkpoint TEXT,
    label      TEXT,
    gpus       TEXT,
    PRIMARY KEY (run_id, attempt)
) WITHOUT ROWID;
CREATE TABLE repairs (
    run_id          INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    place           INTEGER NOT NULL,
    attempt         INTEGER,
    at              REAL,
    failure         TEXT,
    change          TEXT,
    changes_science INTEGER,
    PRIMARY KEY (run_id, place)
) WITHOUT ROWID;
CREATE TABLE files (
    id       INTEGER PRIMARY KEY,
    run_id   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    path     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    format   TEXT,                 -- NULL: no reader knows it
    told     TEXT NOT NULL,        -- mark, skipped parts, settings and so on, in JSON
    seal     TEXT NOT NULL,        -- of the bytes before the mark: another file has another
    UNIQUE (run_id, path)
);
CREATE TABLE curves (
    id      INTEGER PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
    name    TEXT NOT NULL,
    split   TEXT,
    run     TEXT NOT NULL,
    goal    TEXT
);
CREATE INDEX curves_of_file ON curves (file_id);
-- Value, step, epoch, time and line of a curve, as they came; never changed, only added to.
CREATE TABLE chunks (
    curve_id INTEGER NOT NULL REFERENCES curves ON DELETE CASCADE,
    place    INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    data     BLOB NOT NULL,
    PRIMARY KEY (curve_id, place)
);
-- One metric of a run over all of its files. Points as value, step, epoch, source, line, attempt.
CREATE TABLE series (
    id        INTEGER PRIMARY KEY,
    run_id    INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name      TEXT NOT NULL,
    written   TEXT NOT NULL,
    split     TEXT NOT NULL,
    goal      TEXT,
    n         INTEGER NOT NULL,
    repeated  INTEGER NOT NULL,
    nonfinite INTEGER NOT NULL,
    low  REAL, low_step  INTEGER, low_epoch  REAL, low_source  TEXT, low_line  INTEGER, low_attempt  INTEGER,
    high REAL, high_step INTEGER, high_epoch REAL, high_source TEXT, high_line INTEGER, high_attempt INTEGER,
    last REAL, last_step INTEGER, last_epoch REAL, last_source TEXT, last_line INTEGER, last_attempt INTEGER,
    odd  REAL, odd_step  INTEGER, odd_epoch  REAL, odd_source  TEXT, odd_line  INTEGER, odd_attempt  INTEGER,
    curves TEXT NOT NULL,          -- the ids of its curves in their order, with their files, in JSON
    marks  BLOB NOT NULL,          -- which values were repeated, and of which attempt they are
    thumbnail BLOB NOT NULL,
    UNIQUE (run_id, name)
);
CREATE INDEX series_by_name ON series (name, run_id);
CREATE TABLE unused (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name   TEXT NOT NULL,
    path   TEXT NOT NULL,
    used   TEXT NOT NULL
);
CREATE INDEX unused_of_run ON unused (run_id);
