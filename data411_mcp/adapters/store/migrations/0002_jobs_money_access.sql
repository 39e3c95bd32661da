-- One live job per chat from here on: of several in an older store the oldest goes on.

UPDATE jobs SET status = 'cancelled', cancel_requested = 1, worker = NULL, lease_until = NULL
WHERE status IN ('queued', 'running', 'waiting') AND chat_session_id <> '' AND EXISTS (
    SELECT 1 FROM jobs AS older
    WHERE older.tenant = jobs.tenant AND older.chat_session_id = jobs.chat_session_id
      AND older.status IN ('queued', 'running', 'waiting')
      AND (older.created_at, older.id) < (jobs.created_at, jobs.id));

ALTER TABLE jobs ADD COLUMN run_after BIGINT;
ALTER TABLE jobs ADD COLUMN opener_key TEXT;
ALTER TABLE jobs ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN quote TEXT;
ALTER TABLE jobs ADD COLUMN progress_key TEXT;
ALTER TABLE jobs ADD COLUMN callback_url TEXT;
ALTER TABLE jobs ADD COLUMN poll_bearer_sha TEXT;

CREATE UNIQUE INDEX jobs_one_live_per_chat ON jobs (tenant, chat_session_id)
    WHERE chat_session_id <> '' AND status IN ('queued', 'running', 'waiting');
CREATE UNIQUE INDEX jobs_one_live_per_opener ON jobs (tenant, opener_key)
    WHERE opener_key IS NOT NULL AND status IN ('queued', 'running', 'waiting');
CREATE UNIQUE INDEX jobs_by_poll_bearer ON jobs (poll_bearer_sha)
    WHERE poll_bearer_sha IS NOT NULL;
CREATE INDEX jobs_by_progress_key ON jobs (tenant, progress_key, created_at)
    WHERE progress_key IS NOT NULL;
-- A lead's key may be longer than an index of PostgreSQL takes.
DROP INDEX jobs_live_by_lead;
CREATE INDEX jobs_live_by_lead ON jobs (tenant, substr(lead_key, 1, 200), created_at)
    WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX jobs_running ON jobs (tenant, lease_until) WHERE status = 'running';

-- Cents. A tenant's row is also the lock under which its transfers are posted and numbered.
CREATE TABLE balances (
    tenant TEXT NOT NULL PRIMARY KEY,
    customer BIGINT NOT NULL CHECK (customer >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    earned BIGINT NOT NULL CHECK (earned >= 0),
    bank BIGINT NOT NULL,
    posted BIGINT NOT NULL,
    CHECK (customer + held + earned + bank = 0)
);

-- Kept when the job they are for is deleted.
CREATE TABLE transfers (
    tenant TEXT NOT NULL REFERENCES balances (tenant),
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    job_id TEXT NOT NULL,
    item TEXT NOT NULL,
    kind TEXT NOT NULL,
    cents BIGINT NOT NULL CHECK (cents > 0),
    reason TEXT NOT NULL,
    posted_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, number)
);

CREATE INDEX transfers_of_job ON transfers (tenant, job_id, number);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE tickets (
    sha256 TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    job_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX tickets_by_age ON tickets (expires_at);

CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    secret BLOB NOT NULL
);

-- Notices about final jobs that are still to be sent.
CREATE TABLE callbacks (
    job_id TEXT NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    url TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);

CREATE INDEX callbacks_by_time ON callbacks (due_at, job_id);
