-- Sweeps that this laptop began: how each was typed, and which server each of its runs was given to.
CREATE TABLE IF NOT EXISTS sweeps (
    name       TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    definition TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sweep_runs (
    sweep  TEXT NOT NULL,
    run    TEXT NOT NULL,
    server TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (sweep, run)
);
