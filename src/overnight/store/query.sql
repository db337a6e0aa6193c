-- What `overnight query` shows, made anew for each question. Documented in docs/results-store.md.
CREATE TEMP TABLE aims (series_id INTEGER PRIMARY KEY, goal TEXT NOT NULL);
CREATE TEMP TABLE points (
    run TEXT, metric TEXT, step INTEGER, epoch REAL, time REAL, value REAL, attempt INTEGER,
    repeated INTEGER, source TEXT, line INTEGER
);
CREATE TEMP VIEW runs AS
SELECT
    run, state, server, sweep, seed, snapshot, git_commit, dirty, command,
    datetime(created_at, 'unixepoch', 'localtime') AS created_at,
    datetime(started_at, 'unixepoch', 'localtime') AS started_at,
    datetime(ended_at, 'unixepoch', 'localtime') AS ended_at,
    (ended_at - started_at) / 3600.0 AS hours,
    (SELECT count(*) FROM main.attempts WHERE run_id = r.id) AS attempts,
    (SELECT count(*) FROM main.repairs WHERE run_id = r.id) AS repairs,
    altered, settings
FROM main.runs AS r;
CREATE TEMP VIEW metrics AS
SELECT
    run, s.name AS metric, s.split, coalesce(a.goal, s.goal) AS goal, n,
    CASE coalesce(a.goal, s.goal) WHEN 'min' THEN low WHEN 'max' THEN high END AS best,
    CASE coalesce(a.goal, s.goal) WHEN 'min' THEN low_step WHEN 'max' THEN high_step END AS best_step,
    CASE coalesce(a.goal, s.goal) WHEN 'min' THEN low_epoch WHEN 'max' THEN high_epoch END AS best_epoch,
    CASE coalesce(a.goal, s.goal)
        WHEN 'min' THEN low_source || ':' || low_line
        WHEN 'max' THEN high_source || ':' || high_line
    END AS best_source,
    last, last_step, last_epoch, last_source || ':' || last_line AS last_source,
    low AS min, high AS max, nonfinite, odd_step AS nonfinite_step, s.repeated, written
FROM main.series AS s
JOIN main.runs AS r ON r.id = s.run_id
LEFT JOIN aims AS a ON a.series_id = s.id;
CREATE TEMP VIEW settings AS
SELECT run, each.key, each.value FROM main.runs AS r, json_each(r.settings) AS each;
CREATE TEMP VIEW attempts AS
SELECT
    run, attempt,
    datetime(a.started_at, 'unixepoch', 'localtime') AS started_at,
    datetime(a.ended_at, 'unixepoch', 'localtime') AS ended_at,
    (a.ended_at - a.started_at) / 3600.0 AS hours,
    exit_code, signal, cause, checkpoint, label, gpus
FROM main.attempts AS a JOIN main.runs AS r ON r.id = a.run_id;
CREATE TEMP VIEW repairs AS
SELECT
    run, p.attempt, datetime(at, 'unixepoch', 'localtime') AS at, failure, change, changes_science
FROM main.repairs AS p JOIN main.runs AS r ON r.id = p.run_id;
CREATE TEMP VIEW files AS
SELECT
    run, path, format, size AS bytes,
    datetime(mtime_ns / 1000000000, 'unixepoch', 'localtime') AS changed_at,
    json_array_length(told, '$.skipped') + coalesce(json_extract(told, '$.more_skipped'), 0) AS skipped
FROM main.files AS f JOIN main.runs AS r ON r.id = f.run_id
WHERE format IS NOT NULL;
CREATE TEMP VIEW skipped AS
SELECT
    run, f.path, json_extract(part.value, '$[0]') AS line, json_extract(part.value, '$[1]') AS what,
    json_extract(part.value, '$[2]') AS why
FROM main.files AS f JOIN main.runs AS r ON r.id = f.run_id, json_each(told, '$.skipped') AS part
WHERE format IS NOT NULL;
CREATE TEMP VIEW unused AS
SELECT run, name AS metric, path, used
FROM main.unused AS u JOIN main.runs AS r ON r.id = u.run_id;
