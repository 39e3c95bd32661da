-- SQL that SQLite and PostgreSQL both speak: CAST, RETURNING and ON CONFLICT; named parameters.
-- A lock marker in a comment is where PostgreSQL needs FOR UPDATE SKIP LOCKED; SQLite writers
-- hold the database's one write lock, so there it stays a comment. A wait marker likewise is where
-- PostgreSQL needs FOR UPDATE.

-- name: insert_session
INSERT INTO sessions (tenant, chat_session_id, lead, lead_key, created_at, updated_at, version,
                      backfill, identity_choice)
VALUES (:tenant, :chat_session_id, :lead, :lead_key, :created_at, :updated_at, :version,
        :backfill, :identity_choice)
ON CONFLICT (tenant, chat_session_id) DO NOTHING

-- name: session
SELECT * FROM sessions WHERE tenant = :tenant AND chat_session_id = :chat_session_id

-- name: session_version
SELECT version FROM sessions WHERE tenant = :tenant AND chat_session_id = :chat_session_id

-- name: sessions_after
SELECT * FROM sessions WHERE tenant = :tenant AND chat_session_id > :after
ORDER BY chat_session_id LIMIT :limit

-- name: live_chat_of_lead
SELECT chat_session_id FROM jobs
WHERE tenant = :tenant AND status IN ('queued', 'running', 'waiting')
  AND substr(lead_key, 1, 200) = substr(CAST(:lead_key AS TEXT), 1, 200) AND lead_key = :lead_key
ORDER BY created_at, id LIMIT 1

-- name: touch_session
UPDATE sessions SET updated_at = :at
WHERE tenant = :tenant AND chat_session_id = :chat_session_id
RETURNING version

-- name: remember_lead
INSERT INTO lead_history (tenant, chat_session_id, position, lead, lead_key, replaced_at)
SELECT tenant, chat_session_id,
       (SELECT COALESCE(MAX(position), 0) + 1 FROM lead_history
        WHERE tenant = :tenant AND chat_session_id = :chat_session_id),
       lead, lead_key, :at
FROM sessions WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND lead <> :lead

-- name: replace_lead
UPDATE sessions SET lead = :lead, lead_key = :lead_key
WHERE tenant = :tenant AND chat_session_id = :chat_session_id

-- name: lead_history
SELECT lead FROM lead_history
WHERE tenant = :tenant AND chat_session_id = :chat_session_id ORDER BY position

-- name: set_identity_choice
UPDATE sessions SET identity_choice = :choice, updated_at = :at
WHERE tenant = :tenant AND chat_session_id = :chat_session_id
RETURNING version

-- name: save_backfill
UPDATE sessions SET backfill = :backfill, version = version + 1, updated_at = :at
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND version = :expected_version
RETURNING version

-- name: save_backfill_of_job
UPDATE sessions SET backfill = :backfill, version = version + 1, updated_at = :at
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND version = :expected_version
  AND EXISTS (SELECT 1 FROM jobs
              WHERE id = :job_id AND worker = :worker AND status = 'running' /*wait*/)
RETURNING version

-- name: archive_backfill
INSERT INTO backfill_archive (tenant, chat_session_id, version, backfill, reason, archived_at)
SELECT tenant, chat_session_id, version, backfill, CAST(:reason AS TEXT), CAST(:at AS BIGINT)
FROM sessions
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND backfill IS NOT NULL
ON CONFLICT (tenant, chat_session_id, version) DO NOTHING

-- name: archived_backfill
SELECT backfill FROM backfill_archive
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND version = :version

-- name: archived_versions
SELECT version FROM backfill_archive
WHERE tenant = :tenant AND chat_session_id = :chat_session_id
ORDER BY version

-- name: delete_archived
DELETE FROM backfill_archive
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND version = :version

-- name: put_seed
INSERT INTO seeds (tenant, seed_key, chat_session_id, created_at)
VALUES (:tenant, :seed_key, :chat_session_id, :created_at)
ON CONFLICT (tenant, seed_key, chat_session_id) DO UPDATE SET created_at = excluded.created_at
WHERE excluded.created_at > seeds.created_at

-- name: newest_seed
SELECT * FROM seeds
WHERE tenant = :tenant AND seed_key = :seed_key AND created_at >= :not_before
ORDER BY created_at DESC, chat_session_id LIMIT 1

-- name: put_tombstone
INSERT INTO tombstones (tenant, tombstone, created_at) VALUES (:tenant, :tombstone, :at)
ON CONFLICT (tenant, tombstone) DO NOTHING

-- name: rewrite_lead
UPDATE sessions SET lead = :lead, lead_key = :lead_key
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND lead = :expected
RETURNING version

-- name: rewrite_lead_history
UPDATE lead_history SET lead = :lead, lead_key = :lead_key
WHERE tenant = :tenant AND chat_session_id = :chat_session_id AND position = :position

-- name: delete_seed
DELETE FROM seeds WHERE tenant = :tenant AND seed_key = :seed_key

-- name: tombstones
SELECT tombstone FROM tombstones WHERE tenant = :tenant

-- name: put_page
INSERT INTO pages (tenant, sha256, url, final_url, body, text, decoder, reader, fetched_at,
                   fetched_micros, status, content_type, headers)
VALUES (:tenant, :sha256, :url, :final_url, :body, :text, :decoder, :reader, :fetched_at,
        :fetched_micros, :status, :content_type, :headers)
ON CONFLICT (tenant, sha256, url) DO UPDATE SET
    final_url = excluded.final_url, body = excluded.body, text = excluded.text,
    decoder = excluded.decoder, reader = excluded.reader, fetched_at = excluded.fetched_at,
    fetched_micros = excluded.fetched_micros, status = excluded.status,
    content_type = excluded.content_type, headers = excluded.headers
WHERE excluded.fetched_micros >= pages.fetched_micros

-- name: page
SELECT * FROM pages
WHERE tenant = :tenant AND sha256 = :sha256
  AND (CAST(:url AS TEXT) IS NULL OR url = :url OR final_url = :url)
ORDER BY fetched_micros DESC, url LIMIT 1

-- name: fresh_page
SELECT * FROM (
    SELECT * FROM pages
    WHERE tenant = :tenant AND url = :url AND fetched_micros >= :not_before
    UNION ALL
    SELECT * FROM pages
    WHERE tenant = :tenant AND final_url = :url AND url <> :url AND fetched_micros >= :not_before
) AS copies
ORDER BY fetched_micros DESC, sha256 LIMIT 1

-- name: pages_after
SELECT * FROM pages
WHERE tenant = :tenant AND sha256 IN (
    SELECT DISTINCT sha256 FROM pages WHERE tenant = :tenant AND sha256 > :after
    ORDER BY sha256 LIMIT :limit)
ORDER BY sha256, url

-- name: delete_page
DELETE FROM pages WHERE tenant = :tenant AND sha256 = :sha256

-- name: insert_job
INSERT INTO jobs (id, tenant, route, chat_session_id, lead_key, payload, status, created_at,
                  updated_at, idempotency_key, priority, attempt, worker, lease_until, result,
                  error, cancel_requested, requests_made, run_after, opener_key, subject, quote,
                  progress_key, callback_url, poll_bearer_sha)
VALUES (:id, :tenant, :route, :chat_session_id, :lead_key, :payload, :status, :created_at,
        :updated_at, :idempotency_key, :priority, :attempt, :worker, :lease_until, :result,
        :error, :cancel_requested, 0, :run_after, :opener_key, :subject, :quote,
        :progress_key, :callback_url, :poll_bearer_sha)
ON CONFLICT DO NOTHING
RETURNING *, CAST(NULL AS BIGINT) AS asked_number

-- name: live_rival
SELECT id, chat_session_id FROM jobs
WHERE tenant = :tenant AND status IN ('queued', 'running', 'waiting')
  AND (chat_session_id = :chat_session_id AND chat_session_id <> ''
       OR opener_key = CAST(:opener_key AS TEXT))
ORDER BY created_at, id LIMIT 1

-- name: job_by_key
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.tenant = :tenant AND jobs.idempotency_key = :idempotency_key
ORDER BY asked.number

-- name: job
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.id = :id AND jobs.tenant = :tenant
ORDER BY asked.number

-- name: jobs_of_chat
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.tenant = :tenant AND jobs.chat_session_id = :chat_session_id
ORDER BY jobs.created_at, jobs.id, asked.number

-- name: jobs_of_progress_key
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.tenant = :tenant AND jobs.progress_key = :progress_key
ORDER BY jobs.created_at, jobs.id, asked.number

-- name: job_by_poll_bearer
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.poll_bearer_sha = :sha256
ORDER BY asked.number

-- name: claimable_jobs
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.id IN (
    SELECT id FROM jobs
    WHERE status IN ('queued', 'running')
      AND (status = 'queued' AND (run_after IS NULL OR run_after <= :now OR cancel_requested = 1)
           OR status = 'running' AND lease_until <= :now)
      AND priority >= :priority_min
    ORDER BY priority DESC, created_at, id LIMIT :limit OFFSET :skip)
ORDER BY jobs.priority DESC, jobs.created_at, jobs.id, asked.number

-- name: lapsed_jobs
SELECT jobs.*, CAST(NULL AS BIGINT) AS asked_number FROM jobs
WHERE status = 'running' AND lease_until <= :now
ORDER BY lease_until, id LIMIT :limit

-- name: jobs_after
SELECT jobs.*, asked.number AS asked_number, asked.slot AS asked_slot, asked.wish AS asked_wish
FROM jobs LEFT JOIN slot_requests AS asked ON asked.job_id = jobs.id
WHERE jobs.id IN (
    SELECT id FROM jobs WHERE tenant = :tenant AND id > :after ORDER BY id LIMIT :limit)
ORDER BY jobs.id, asked.number

-- name: rewrite_job
UPDATE jobs SET payload = :payload, lead_key = :lead_key,
                result = COALESCE(CAST(:result AS TEXT), result),
                opener_key = CASE WHEN lead_key = :lead_key THEN opener_key END
WHERE id = :id AND tenant = :tenant AND payload = :expected
RETURNING id

-- name: claim_job
UPDATE jobs SET status = 'running', worker = :worker, lease_until = :lease_until,
                attempt = attempt + 1, run_after = NULL, updated_at = :now
WHERE id = (
    SELECT id FROM jobs
    WHERE status IN ('queued', 'running')
      AND (status = 'queued' AND (run_after IS NULL OR run_after <= :now OR cancel_requested = 1)
           OR status = 'running' AND lease_until <= :now
              AND REPLACE(CAST(:ours AS TEXT), ' ' || id || ' ', '') = CAST(:ours AS TEXT))
      AND priority >= :priority_min
      AND (CAST(:tenant_jobs_max AS BIGINT) IS NULL OR tenant NOT IN (
          SELECT busy.tenant FROM jobs AS busy
          WHERE busy.status = 'running' AND busy.lease_until > :now
          GROUP BY busy.tenant HAVING COUNT(*) >= :tenant_jobs_max))
    ORDER BY priority DESC, created_at, id LIMIT 1 /*lock*/)
RETURNING *, CAST(NULL AS BIGINT) AS asked_number

-- name: claim_this_job
UPDATE jobs SET status = 'running', worker = :worker, lease_until = :lease_until,
                attempt = attempt + 1, run_after = NULL, updated_at = :now
WHERE id = (
    SELECT id FROM jobs
    WHERE id = :job_id
      AND (status = 'queued' AND (run_after IS NULL OR run_after <= :now OR cancel_requested = 1)
           OR status = 'running' AND lease_until <= :now
              AND REPLACE(CAST(:ours AS TEXT), ' ' || id || ' ', '') = CAST(:ours AS TEXT))
      AND (CAST(:tenant_jobs_max AS BIGINT) IS NULL OR :tenant_jobs_max > (
          SELECT COUNT(*) FROM jobs AS busy
          WHERE busy.tenant = jobs.tenant AND busy.status = 'running'
            AND busy.lease_until > :now)) /*lock*/)
RETURNING *, CAST(NULL AS BIGINT) AS asked_number

-- name: heartbeat
UPDATE jobs SET lease_until = :lease_until
WHERE id = :id AND worker = :worker AND status = 'running'
RETURNING *, CAST(NULL AS BIGINT) AS asked_number

-- name: finish_job
UPDATE jobs SET
    status = CASE WHEN CAST(:status AS TEXT) = 'waiting' AND cancel_requested = 1
                  THEN 'cancelled' ELSE CAST(:status AS TEXT) END,
    result = :result, error = :error, worker = NULL, lease_until = NULL, updated_at = :now
WHERE id = :id AND worker = :worker AND status = 'running'
RETURNING id, tenant, status, callback_url,
          EXISTS (SELECT 1 FROM transfers
                  WHERE transfers.tenant = jobs.tenant AND transfers.job_id = jobs.id) AS charged

-- name: resume_job
UPDATE jobs SET status = 'queued', attempt = 0, run_after = NULL, payload = COALESCE(:payload, payload),
                updated_at = :now
WHERE id = :id AND status = 'waiting'
RETURNING id

-- name: hand_back_job
UPDATE jobs SET status = 'queued', worker = NULL, lease_until = NULL,
                attempt = CASE WHEN CAST(:run_after AS BIGINT) IS NULL
                               THEN attempt - 1 ELSE attempt END,
                run_after = :run_after, payload = COALESCE(:payload, payload), updated_at = :now
WHERE id = :id AND worker = :worker AND status = 'running'
RETURNING id

-- name: cancel_job
-- What an earlier attempt has left is closed and billed by a worker.
UPDATE jobs SET cancel_requested = 1, updated_at = :now,
    status = CASE WHEN status = 'running' THEN status
                  WHEN status = 'queued' AND (attempt > 0 OR EXISTS (
                      SELECT 1 FROM checkpoints WHERE checkpoints.job_id = jobs.id)) THEN status
                  ELSE 'cancelled' END
WHERE id = :id AND tenant = :tenant AND status IN ('queued', 'running', 'waiting')
RETURNING id, tenant, status, callback_url,
          EXISTS (SELECT 1 FROM transfers
                  WHERE transfers.tenant = jobs.tenant AND transfers.job_id = jobs.id) AS charged

-- name: waiting_jobs
SELECT id FROM jobs WHERE status = 'waiting' AND updated_at < :before ORDER BY id

-- name: expire_job
UPDATE jobs SET status = 'cancelled', cancel_requested = 1, updated_at = :now
WHERE id = :id AND status = 'waiting' AND updated_at < :before
RETURNING id, tenant, status, callback_url,
          EXISTS (SELECT 1 FROM transfers
                  WHERE transfers.tenant = jobs.tenant AND transfers.job_id = jobs.id) AS charged

-- name: count_slot_request
UPDATE jobs SET requests_made = requests_made + 1, updated_at = :now
WHERE id = :id AND tenant = :tenant AND status IN ('queued', 'running', 'waiting')
RETURNING requests_made

-- name: put_slot_request
INSERT INTO slot_requests (job_id, slot, number, wish) VALUES (:id, :slot, :number, :wish)
ON CONFLICT (job_id, slot) DO UPDATE SET number = excluded.number, wish = excluded.wish

-- name: settle_slot_request
DELETE FROM slot_requests WHERE job_id = :job_id AND number = :number

-- name: put_checkpoint
INSERT INTO checkpoints (job_id, step, outcome, finished_at)
VALUES (:job_id, :step, :outcome, :now)
ON CONFLICT (job_id, step) DO UPDATE SET
    outcome = excluded.outcome, finished_at = excluded.finished_at
RETURNING job_id

-- name: put_held_checkpoint
INSERT INTO checkpoints (job_id, step, outcome, finished_at)
SELECT id, CAST(:step AS TEXT), CAST(:outcome AS TEXT), CAST(:now AS BIGINT) FROM jobs
WHERE id = :job_id AND worker = :worker AND status = 'running' /*wait*/
ON CONFLICT (job_id, step) DO UPDATE SET
    outcome = excluded.outcome, finished_at = excluded.finished_at
RETURNING job_id

-- name: delete_finished_checkpoints
DELETE FROM checkpoints WHERE job_id IN (
    SELECT id FROM jobs
    WHERE tenant = :tenant AND status IN ('done', 'error', 'cancelled'))

-- name: checkpoints
SELECT step, outcome FROM checkpoints WHERE job_id = :job_id ORDER BY finished_at, step

-- name: lock_job
UPDATE jobs SET attempt = attempt WHERE id = :job_id
RETURNING id

-- name: lock_held_job
UPDATE jobs SET attempt = attempt WHERE id = :job_id AND worker = :worker AND status = 'running'
RETURNING id

-- name: standing
SELECT jobs.cancel_requested, jobs.requests_made, checkpoints.step, checkpoints.outcome,
       (SELECT COALESCE(MAX(seq), 0) FROM job_events WHERE job_id = jobs.id) AS seq
FROM jobs LEFT JOIN checkpoints ON checkpoints.job_id = jobs.id
WHERE jobs.id = :job_id
ORDER BY checkpoints.finished_at, checkpoints.step

-- name: last_event_seq
SELECT COALESCE(MAX(seq), 0) AS seq FROM job_events WHERE job_id = :job_id

-- name: insert_event
INSERT INTO job_events (job_id, seq, event) VALUES (:job_id, :seq, :event)

-- name: rewrite_event
UPDATE job_events SET event = :event
WHERE job_id = :job_id AND seq = :seq AND job_id IN (SELECT id FROM jobs WHERE tenant = :tenant)

-- name: events
SELECT job_events.event FROM job_events JOIN jobs ON jobs.id = job_events.job_id
WHERE job_events.job_id = :job_id AND jobs.tenant = :tenant AND job_events.seq > :since
ORDER BY job_events.seq LIMIT :limit

-- name: purge_pages
DELETE FROM pages WHERE fetched_micros < :before AND (tenant, sha256, url) IN (
    SELECT tenant, sha256, url FROM pages WHERE fetched_micros < :before LIMIT :limit)

-- name: purge_archive
DELETE FROM backfill_archive WHERE (tenant, chat_session_id, version) IN (
    SELECT tenant, chat_session_id, version FROM backfill_archive
    WHERE archived_at < :before LIMIT :limit)

-- name: purge_seeds
DELETE FROM seeds WHERE created_at < :before AND (tenant, seed_key, chat_session_id) IN (
    SELECT tenant, seed_key, chat_session_id FROM seeds WHERE created_at < :before LIMIT :limit)

-- name: purge_sessions
DELETE FROM sessions WHERE updated_at < :before AND (tenant, chat_session_id) IN (
    SELECT tenant, chat_session_id FROM sessions AS old
    WHERE updated_at < :before AND NOT EXISTS (
        SELECT 1 FROM jobs
        WHERE jobs.tenant = old.tenant AND jobs.chat_session_id = old.chat_session_id
          AND jobs.status IN ('queued', 'running', 'waiting'))
    LIMIT :limit)

-- name: purge_jobs
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs
    WHERE updated_at < :before AND status IN ('done', 'error', 'cancelled') LIMIT :limit)

-- name: purge_tickets
DELETE FROM tickets WHERE sha256 IN (
    SELECT sha256 FROM tickets WHERE expires_at < :before LIMIT :limit)

-- name: balances
SELECT * FROM balances WHERE tenant = :tenant

-- name: lock_balances
INSERT INTO balances (tenant, customer, held, earned, bank, posted)
VALUES (:tenant, 0, 0, 0, 0, 0)
ON CONFLICT (tenant) DO UPDATE SET posted = balances.posted
RETURNING posted

-- name: move_cents
UPDATE balances SET customer = customer + :customer, held = held + :held,
                    earned = earned + :earned, bank = bank + :bank, posted = posted + 1
WHERE tenant = :tenant AND customer + :customer >= 0 AND held + :held >= 0
RETURNING posted

-- name: transfer
SELECT id FROM transfers WHERE tenant = :tenant AND id = :id

-- name: insert_transfer
INSERT INTO transfers (tenant, id, number, job_id, item, kind, cents, reason, posted_at)
VALUES (:tenant, :id, :number, :job_id, :item, :kind, :cents, :reason, :at)

-- name: transfers
SELECT * FROM transfers WHERE tenant = :tenant ORDER BY number DESC LIMIT :limit

-- name: transfers_of_job
SELECT * FROM transfers WHERE tenant = :tenant AND job_id = :job_id ORDER BY number LIMIT :limit

-- name: insert_key
INSERT INTO api_keys (id, tenant, name, scopes, sha256, created_at, revoked_at)
VALUES (:id, :tenant, :name, :scopes, :sha256, :created_at, :revoked_at)

-- name: insert_next_key
INSERT INTO api_keys (id, tenant, name, scopes, sha256, created_at, revoked_at)
VALUES (:id, :tenant, :name, :scopes, :sha256, :created_at, :revoked_at)
ON CONFLICT (id) DO NOTHING
RETURNING id

-- name: key_by_hash
SELECT * FROM api_keys WHERE sha256 = :sha256 AND (revoked_at IS NULL OR revoked_at > :now)

-- name: keys
SELECT * FROM api_keys WHERE CAST(:tenant AS TEXT) IS NULL OR tenant = :tenant
ORDER BY created_at, id

-- name: revoke_key
UPDATE api_keys SET revoked_at = :at
WHERE id = :id AND (CAST(:tenant AS TEXT) IS NULL OR tenant = :tenant)
  AND (revoked_at IS NULL OR revoked_at > :at)
RETURNING id

-- name: insert_ticket
INSERT INTO tickets (sha256, tenant, job_id, subject, expires_at)
VALUES (:sha256, :tenant, :job_id, :subject, :expires_at)

-- name: take_ticket
DELETE FROM tickets WHERE sha256 = :sha256 AND job_id = :job_id
RETURNING tenant, subject, expires_at

-- name: secret
SELECT secret FROM secrets WHERE name = :name

-- name: insert_secret
INSERT INTO secrets (name, secret) VALUES (:name, :secret)
ON CONFLICT (name) DO NOTHING

-- name: insert_callback
INSERT INTO callbacks (job_id, tenant, url, attempt, due_at)
VALUES (:job_id, :tenant, :url, 0, :now)
ON CONFLICT (job_id) DO NOTHING

-- name: claim_callback
UPDATE callbacks SET attempt = attempt + 1, due_at = :lease_until, lease_until = :lease_until
WHERE job_id = (
    SELECT job_id FROM callbacks WHERE due_at <= :now AND tenant NOT IN (
        SELECT busy.tenant FROM callbacks AS busy WHERE busy.lease_until > :now
        GROUP BY busy.tenant HAVING COUNT(*) >= :tenant_max)
    ORDER BY due_at, job_id LIMIT 1 /*lock*/)
RETURNING job_id, tenant, url, attempt

-- name: postpone_callback
UPDATE callbacks SET due_at = :again_at, lease_until = NULL WHERE job_id = :job_id

-- name: delete_callback
DELETE FROM callbacks WHERE job_id = :job_id

-- name: attach_callback
UPDATE jobs SET callback_url = :url
WHERE id = :job_id AND tenant = :tenant AND callback_url IS NULL
RETURNING status

-- name: keyed_request
SELECT request_sha, job_id FROM idempotency_keys WHERE tenant = :tenant AND key_sha = :key_sha

-- name: insert_keyed_request
INSERT INTO idempotency_keys (tenant, key_sha, request_sha, job_id)
VALUES (:tenant, :key_sha, :request_sha, :job_id)
ON CONFLICT (tenant, key_sha) DO NOTHING
