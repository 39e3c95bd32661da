-- Times are whole microseconds since 1970 in UTC: they compare alike in every database.
-- BLOB is the one type PostgreSQL names differently (BYTEA).

CREATE TABLE sessions (
    tenant TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    lead TEXT NOT NULL,
    lead_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    backfill TEXT,
    identity_choice TEXT,
    PRIMARY KEY (tenant, chat_session_id)
);

CREATE INDEX sessions_by_age ON sessions (updated_at);

CREATE TABLE lead_history (
    tenant TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    lead TEXT NOT NULL,
    lead_key TEXT NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, chat_session_id, position),
    FOREIGN KEY (tenant, chat_session_id)
        REFERENCES sessions (tenant, chat_session_id) ON DELETE CASCADE
);

CREATE TABLE backfill_archive (
    tenant TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    backfill TEXT NOT NULL,
    reason TEXT NOT NULL,
    archived_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, chat_session_id, version),
    FOREIGN KEY (tenant, chat_session_id)
        REFERENCES sessions (tenant, chat_session_id) ON DELETE CASCADE
);

CREATE INDEX backfill_archive_by_age ON backfill_archive (archived_at);

CREATE TABLE seeds (
    tenant TEXT NOT NULL,
    seed_key TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, seed_key, chat_session_id)
);

CREATE INDEX seeds_by_age ON seeds (created_at);

-- body and text are zlib streams; text keeps every code point, so that offsets stay true.
CREATE TABLE pages (
    tenant TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    url TEXT NOT NULL,
    final_url TEXT NOT NULL,
    body BLOB NOT NULL,
    text BLOB NOT NULL,
    decoder TEXT NOT NULL,
    reader TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    fetched_micros BIGINT NOT NULL,
    status BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL,
    PRIMARY KEY (tenant, sha256, url)
);

CREATE INDEX pages_by_url ON pages (tenant, url, fetched_micros);
CREATE INDEX pages_by_final_url ON pages (tenant, final_url, fetched_micros);
CREATE INDEX pages_by_age ON pages (fetched_micros);

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    route TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    lead_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    priority BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    worker TEXT,
    lease_until BIGINT,
    result TEXT,
    error TEXT,
    cancel_requested BIGINT NOT NULL,
    requests_made BIGINT NOT NULL,
    UNIQUE (tenant, idempotency_key)
);

CREATE INDEX jobs_of_chat ON jobs (tenant, chat_session_id, created_at);
CREATE INDEX jobs_by_age ON jobs (updated_at);
CREATE INDEX jobs_to_claim ON jobs (priority DESC, created_at, id)
    WHERE status IN ('queued', 'running');
CREATE INDEX jobs_live_by_lead ON jobs (tenant, lead_key, created_at)
    WHERE status IN ('queued', 'running', 'waiting');

CREATE TABLE slot_requests (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    slot TEXT NOT NULL,
    number BIGINT NOT NULL,
    wish TEXT NOT NULL,
    PRIMARY KEY (job_id, slot)
);

CREATE TABLE checkpoints (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    step TEXT NOT NULL,
    outcome TEXT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (job_id, step)
);

CREATE TABLE job_events (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
);

CREATE TABLE tombstones (
    tenant TEXT NOT NULL,
    tombstone TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, tombstone)
);
