-- What people do with their accounts: approval, removal, sessions that are shown, one-time links, images, API tokens.

-- For the search in the audit trail.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

ALTER TABLE users
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    -- Registered by the public where an Owner has to approve it first.
    ADD COLUMN awaits_approval boolean NOT NULL DEFAULT false,
    -- A removed user stays, since events, campaigns and the ledger name them. The username is free again: the service adds
    -- '#' and the id to its key, which no username can have.
    ADD COLUMN archived_at timestamptz,
    ADD CONSTRAINT users_waiting_is_inactive CHECK (NOT (awaits_approval AND is_active)),
    ADD CONSTRAINT users_archived_is_inactive CHECK (archived_at IS NULL OR NOT is_active);

-- Somebody can always manage the system. Two Owners who leave at once wait for each other at the lock, and the second finds
-- that the first is gone: a query in a function of this kind sees what was committed while it waited.
CREATE FUNCTION keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('sluice users_last_owner', 0));
    IF NOT EXISTS (SELECT FROM users WHERE position = 'Owner' AND is_active) THEN
        RAISE EXCEPTION 'the last active owner stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_owner', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_last_owner AFTER UPDATE OF position, is_active ON users FOR EACH ROW
    WHEN (OLD.position = 'Owner' AND OLD.is_active AND NOT (NEW.position = 'Owner' AND NEW.is_active))
    EXECUTE FUNCTION keep_an_owner();
-- The demo's Owner goes with the demo, whoever else is there.
CREATE TRIGGER users_last_owner_deleted AFTER DELETE ON users FOR EACH ROW
    WHEN (OLD.position = 'Owner' AND OLD.is_active AND NOT OLD.is_demo)
    EXECUTE FUNCTION keep_an_owner();

CREATE INDEX users_owners ON users (id) WHERE position = 'Owner' AND is_active;

-- A session is shown and revoked by an id that proves nothing.
ALTER TABLE sessions
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT sessions_id_unique UNIQUE,
    ADD COLUMN last_seen_at timestamptz;

CREATE INDEX sessions_standing ON sessions (user_id, created_at DESC, id DESC) WHERE revoked_at IS NULL;
CREATE INDEX token_families_standing ON token_families (user_id, created_at DESC, id DESC) WHERE revoked_at IS NULL;

-- One-time links by which a person sets a new password. Only the hash of the secret is kept; a new link ends the one before.
CREATE TABLE password_resets
(
    user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT password_resets_token_unique UNIQUE CHECK (octet_length(token_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE user_images
(
    user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    content_type text NOT NULL CHECK (content_type IN ('image/png', 'image/jpeg')),
    content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
    -- The SHA-256 of the content in hexadecimal digits.
    etag text NOT NULL
);

-- Tokens of programs, which act as their user. Only the hash of the secret is kept.
CREATE TABLE api_tokens
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    token_hash bytea NOT NULL CONSTRAINT api_tokens_token_unique UNIQUE CHECK (octet_length(token_hash) = 32),
    -- The first characters, by which a person knows it again.
    hint text NOT NULL,
    scopes text[] NOT NULL CONSTRAINT api_tokens_scopes_known
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'write']),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX api_tokens_standing ON api_tokens (user_id, id DESC) WHERE revoked_at IS NULL;
CREATE INDEX api_tokens_expiry ON api_tokens (expires_at);

-- Reading the audit trail: by what was done, and by any text in a line.
CREATE INDEX audit_log_verb ON audit_log (verb, id DESC);

CREATE FUNCTION audit_text(line audit_log) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT line.actor_name || ' ' || line.address || ' ' || line.resource || ' ' || line.resource_id || ' '
        || coalesce(line.before::text, '') || ' ' || coalesce(line.after::text, '')
$$;

CREATE INDEX audit_log_text ON audit_log USING gin (audit_text(audit_log) gin_trgm_ops);
