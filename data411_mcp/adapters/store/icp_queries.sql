-- The ICP finder's part of queries.sql; the same rules.

-- name: icp_thread
SELECT * FROM icp_threads WHERE tenant = :tenant AND thread_id = :thread_id

-- name: insert_icp_thread
INSERT INTO icp_threads (tenant, thread_id, user_id, agent, context_key, status, label, created_at,
                         updated_at, lock_pending, locked_at, archived_at, reason, metadata, lone)
VALUES (:tenant, :thread_id, :user_id, :agent, :context_key, :status, :label, :created_at,
        :updated_at, :lock_pending, :locked_at, :archived_at, :reason, :metadata, :lone)

-- name: icp_rival_threads
SELECT thread_id FROM icp_threads
WHERE tenant = :tenant AND user_id = :user_id AND agent = :agent AND context_key = :context_key
  AND status = 'open' AND thread_id <> :thread_id
ORDER BY thread_id

-- name: lock_icp_thread
UPDATE icp_threads SET
    status = CASE WHEN CAST(:pending AS BIGINT) = 1 THEN status ELSE 'locked' END,
    locked_at = CASE WHEN CAST(:pending AS BIGINT) = 1 THEN locked_at
                     ELSE CAST(:at AS BIGINT) END,
    lock_pending = :pending, reason = :reason
WHERE tenant = :tenant AND thread_id = :thread_id AND status = 'open'
RETURNING *

-- name: set_icp_context
UPDATE icp_threads SET context_key = :context_key, label = :label, updated_at = :at, lone = :lone
WHERE tenant = :tenant AND thread_id = :thread_id
RETURNING *

-- name: archive_icp_thread
UPDATE icp_threads SET status = 'archived', archived_at = :at, lock_pending = 0, reason = :reason
WHERE tenant = :tenant AND thread_id = :thread_id AND status <> 'archived'
RETURNING *

-- name: archive_stale_icp_threads
UPDATE icp_threads SET status = 'archived', archived_at = :at, reason = 'auto_archive_stale'
WHERE status = 'locked' AND updated_at < :before AND COALESCE(locked_at, 0) < :before

-- name: touch_icp_thread
UPDATE icp_threads SET
    updated_at = CASE WHEN updated_at < CAST(:at AS BIGINT) THEN CAST(:at AS BIGINT)
                      ELSE updated_at END,
    label = COALESCE(CAST(:label AS TEXT), label),
    metadata = COALESCE(CAST(:metadata AS TEXT), metadata)
WHERE tenant = :tenant AND thread_id = :thread_id
RETURNING *

-- name: rewrite_icp_thread
UPDATE icp_threads SET label = :label, metadata = :metadata
WHERE tenant = :tenant AND thread_id = :thread_id
  AND label = :expected_label AND metadata = :expected_metadata
RETURNING thread_id

-- name: delete_icp_thread
DELETE FROM icp_threads WHERE tenant = :tenant AND thread_id = :thread_id
RETURNING thread_id

-- name: delete_icp_thread_documents
DELETE FROM icp_documents
WHERE tenant = :tenant
  AND (key = :thread_id OR substr(key, 1, length(CAST(:thread_id AS TEXT)) + 1)
                           = CAST(:thread_id AS TEXT) || ':')

-- name: icp_threads
SELECT * FROM icp_threads
WHERE tenant = :tenant
  AND (CAST(:user_id AS TEXT) IS NULL OR user_id = :user_id)
  AND (CAST(:agent AS TEXT) IS NULL OR agent = :agent)
  AND (CAST(:context_key AS TEXT) IS NULL OR context_key = :context_key)
  AND (CAST(:statuses AS TEXT) = ''
       OR REPLACE(CAST(:statuses AS TEXT), ' ' || status || ' ', '') <> CAST(:statuses AS TEXT))
  AND (CAST(:updated_after AS BIGINT) IS NULL OR updated_at >= :updated_after)
ORDER BY updated_at DESC, created_at DESC, thread_id LIMIT :limit OFFSET :offset

-- name: icp_threads_after
SELECT * FROM icp_threads WHERE tenant = :tenant AND thread_id > :after
ORDER BY thread_id LIMIT :limit

-- name: icp_document
SELECT * FROM icp_documents WHERE tenant = :tenant AND kind = :kind AND key = :key

-- name: icp_documents
SELECT * FROM icp_documents
WHERE tenant = :tenant AND kind = :kind AND key > :after
  AND substr(key, 1, length(CAST(:prefix AS TEXT))) = CAST(:prefix AS TEXT)
ORDER BY key LIMIT :limit

-- name: icp_documents_after
SELECT * FROM icp_documents
WHERE tenant = :tenant AND (kind, key) > (CAST(:after_kind AS TEXT), CAST(:after_key AS TEXT))
ORDER BY kind, key LIMIT :limit

-- name: icp_document_tenants
SELECT DISTINCT tenant FROM icp_documents WHERE kind = :kind ORDER BY tenant

-- name: put_icp_document
INSERT INTO icp_documents (tenant, kind, key, text, version, updated_at)
VALUES (:tenant, :kind, :key, :text, 1, :at)
ON CONFLICT (tenant, kind, key) DO UPDATE SET
    text = excluded.text, version = icp_documents.version + 1, updated_at = excluded.updated_at
RETURNING version

-- name: insert_icp_document
INSERT INTO icp_documents (tenant, kind, key, text, version, updated_at)
VALUES (:tenant, :kind, :key, :text, 1, :at)
ON CONFLICT (tenant, kind, key) DO NOTHING
RETURNING version

-- name: save_icp_document
UPDATE icp_documents SET text = :text, version = version + 1, updated_at = :at
WHERE tenant = :tenant AND kind = :kind AND key = :key AND version = :expected_version
RETURNING version

-- name: delete_icp_document
DELETE FROM icp_documents WHERE tenant = :tenant AND kind = :kind AND key = :key
RETURNING key

-- name: delete_ssic
DELETE FROM icp_ssic WHERE edition = :edition

-- name: insert_ssic
INSERT INTO icp_ssic (edition, code, level, title, definition, examples)
VALUES (:edition, :code, :level, :title, :definition, :examples)

-- name: ssic_rows
SELECT * FROM icp_ssic
WHERE edition = COALESCE(CAST(:edition AS TEXT), (SELECT MAX(edition) FROM icp_ssic))
ORDER BY code

-- name: ssic_editions
SELECT DISTINCT edition FROM icp_ssic ORDER BY edition DESC

-- name: put_acra
INSERT INTO icp_acra (uen, name_key, name, status, live, entity_type, incorporated, ssic_code,
                      ssic_description, ssic_edition, street, postal_code, former_names)
VALUES (:uen, :name_key, :name, :status, :live, :entity_type, :incorporated, :ssic_code,
        :ssic_description, :ssic_edition, :street, :postal_code, :former_names)
ON CONFLICT (uen) DO UPDATE SET
    name_key = excluded.name_key, name = excluded.name, status = excluded.status,
    live = excluded.live, entity_type = excluded.entity_type,
    incorporated = excluded.incorporated, ssic_code = excluded.ssic_code,
    ssic_description = excluded.ssic_description, ssic_edition = excluded.ssic_edition,
    street = excluded.street, postal_code = excluded.postal_code,
    former_names = excluded.former_names

-- name: acra_by_name
SELECT * FROM icp_acra WHERE name_key = :name_key ORDER BY uen LIMIT :limit

-- name: acra_by_ssic
SELECT * FROM icp_acra
WHERE ssic_code = :code AND live = 1 AND incorporated IS NOT NULL
ORDER BY incorporated DESC, uen DESC LIMIT :limit

-- name: acra_after
SELECT * FROM icp_acra WHERE uen > :after ORDER BY uen LIMIT :limit

-- name: icp_threads_past
SELECT * FROM icp_threads AS old
WHERE updated_at < :before AND (tenant, thread_id) > (CAST(:after_tenant AS TEXT),
                                                     CAST(:after_thread AS TEXT))
  AND NOT EXISTS (
    SELECT 1 FROM jobs
    WHERE jobs.tenant = old.tenant AND jobs.chat_session_id = old.thread_id
      AND jobs.status IN ('queued', 'running', 'waiting'))
ORDER BY tenant, thread_id LIMIT :limit

-- name: purge_icp_threads
DELETE FROM icp_threads WHERE updated_at < :before AND (tenant, thread_id) IN (
    SELECT tenant, thread_id FROM icp_threads AS old
    WHERE updated_at < :before AND NOT EXISTS (
        SELECT 1 FROM jobs
        WHERE jobs.tenant = old.tenant AND jobs.chat_session_id = old.thread_id
          AND jobs.status IN ('queued', 'running', 'waiting'))
    LIMIT :limit)

-- name: purge_icp_documents
DELETE FROM icp_documents WHERE updated_at < :before AND (tenant, kind, key) IN (
    SELECT tenant, kind, key FROM icp_documents AS old
    WHERE updated_at < :before AND NOT EXISTS (
        SELECT 1 FROM icp_threads
        WHERE icp_threads.tenant = old.tenant AND icp_threads.thread_id = old.key)
    LIMIT :limit)
