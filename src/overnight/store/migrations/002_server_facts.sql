-- What was found out about a server beside its runs, such as whether cron starts its watch.
CREATE TABLE IF NOT EXISTS server_facts (
    server TEXT NOT NULL,
    fact   TEXT NOT NULL,
    at     REAL NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (server, fact)
);
