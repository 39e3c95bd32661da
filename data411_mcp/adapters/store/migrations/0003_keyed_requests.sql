-- Which job an Idempotency-Key has led to, with a hash of the request that it came with.
CREATE TABLE idempotency_keys (
    tenant TEXT NOT NULL,
    key_sha TEXT NOT NULL,
    request_sha TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant, key_sha)
);

CREATE INDEX idempotency_keys_of_job ON idempotency_keys (job_id);

-- A claimed notice is on its way until then; NULL while it waits for its next attempt.
ALTER TABLE callbacks ADD COLUMN lease_until BIGINT;
CREATE INDEX callbacks_on_their_way ON callbacks (tenant, lease_until)
    WHERE lease_until IS NOT NULL;

-- The key that asked for the ticket: a stream that it opened ends when the key is revoked.
ALTER TABLE tickets ADD COLUMN subject TEXT NOT NULL DEFAULT '';

UPDATE api_keys SET scopes = REPLACE(scopes, 'admin', 'enrich');
