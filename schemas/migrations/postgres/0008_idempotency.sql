-- What was answered to a create that carried an `Idempotency-Key`: written in the transaction of the create, so that neither
-- is there without the other. Forgotten after a day.

CREATE TABLE idempotency_keys
(
    -- Who asked; 0: the public, whose keys have the fingerprint in them. Not a reference: a row outlives nothing for long.
    user_id bigint NOT NULL,
    -- Method and path of the route, as `POST /api/campaigns/{id}/rotate-key/`.
    operation text NOT NULL,
    key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 300),
    -- By which the same request is known: of its path and its content, under the service's secret.
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    created_at timestamptz NOT NULL,
    -- NULL until there is an answer: seen by others only for events, which are passed on to an edge.
    status smallint,
    -- Pairs of name and value.
    headers jsonb,
    body bytea,
    PRIMARY KEY (user_id, operation, key)
);

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Takes a key: true for who may go on. Waits for another transaction that has taken it, but not for long. A key from before
-- `forgotten` is free again, and so is one from before `given_up` that never got an answer.
CREATE FUNCTION take_idempotency_key(
    asker bigint, asked text, wanted text, print bytea, moment timestamptz, forgotten timestamptz, given_up timestamptz
) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
BEGIN
    INSERT INTO idempotency_keys AS known (user_id, operation, key, fingerprint, created_at)
    VALUES (asker, asked, wanted, print, moment)
    ON CONFLICT (user_id, operation, key) DO UPDATE
        SET fingerprint = print, created_at = moment, status = NULL, headers = NULL, body = NULL
        WHERE known.created_at <= forgotten OR (known.status IS NULL AND known.created_at <= given_up);
    RETURN FOUND;
END
$$;

-- What `lock_teams` (0005) keeps waiting: as many as want that at once.
CREATE FUNCTION hold_teams() RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock_shared(499967618419) $$;
