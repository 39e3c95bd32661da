-- Conversations of the ICP finder, what they leave behind, and the registers they look into.

-- lone: one of those of which only one may be open for a context; 0 where the operator allows
-- several.
CREATE TABLE icp_threads (
    tenant TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    context_key TEXT NOT NULL,
    status TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    lock_pending BIGINT NOT NULL,
    locked_at BIGINT,
    archived_at BIGINT,
    reason TEXT NOT NULL,
    metadata TEXT NOT NULL,
    lone BIGINT NOT NULL,
    PRIMARY KEY (tenant, thread_id)
);

CREATE UNIQUE INDEX icp_one_open_thread ON icp_threads (tenant, user_id, agent, context_key)
    WHERE status = 'open' AND context_key <> '' AND lock_pending = 0 AND lone = 1;
CREATE INDEX icp_threads_by_user ON icp_threads (tenant, user_id, updated_at);
CREATE INDEX icp_threads_by_age ON icp_threads (updated_at);

CREATE TABLE icp_documents (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, key)
);

CREATE INDEX icp_documents_by_key ON icp_documents (tenant, key);
CREATE INDEX icp_documents_by_age ON icp_documents (updated_at);

-- Public registers, the same for every tenant.
CREATE TABLE icp_ssic (
    edition TEXT NOT NULL,
    code TEXT NOT NULL,
    level TEXT NOT NULL,
    title TEXT NOT NULL,
    definition TEXT NOT NULL,
    examples TEXT NOT NULL,
    PRIMARY KEY (edition, code)
);

CREATE TABLE icp_acra (
    uen TEXT NOT NULL PRIMARY KEY,
    name_key TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    live BIGINT NOT NULL,
    entity_type TEXT NOT NULL,
    incorporated TEXT,
    ssic_code TEXT NOT NULL,
    ssic_description TEXT NOT NULL,
    ssic_edition TEXT NOT NULL,
    street TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    former_names TEXT NOT NULL
);

CREATE INDEX icp_acra_by_name ON icp_acra (name_key, uen);
