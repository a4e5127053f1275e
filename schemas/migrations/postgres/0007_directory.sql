-- What the consumer resolves events with (whose key, in which team), as a log of changes: it reads what is new after the
-- version it has, and can tell how things stood at any version, so that a batch that is computed again after a crash is
-- resolved as it was before.
--
-- Versions rise in the order of the commits: each change takes the lock until its commit, and only then a number. The
-- triggers run at the end of the transaction, when it waits for nothing else any more, so that the lock is short and
-- cannot be part of a deadlock.

CREATE TABLE directory_log
(
    version bigint PRIMARY KEY,
    -- 'user', 'membership', 'campaign_buyer' or 'tracking_key'.
    entity text NOT NULL,
    -- The row's id, or the key itself.
    entity_id text NOT NULL,
    -- A membership's user, a period's campaign; 0 for the others.
    subject_id bigint NOT NULL DEFAULT 0,
    -- A membership's team, a period's user, a key's campaign; 0 for users.
    object_id bigint NOT NULL DEFAULT 0,
    -- From when until before when it holds, Unix milliseconds; NULL: always, for ever.
    from_ms bigint,
    to_ms bigint,
    is_gone boolean NOT NULL DEFAULT false
);

CREATE SEQUENCE directory_versions OWNED BY directory_log.version;

-- Tells one database from another, so that a log kept elsewhere is not taken for this one's.
CREATE TABLE directory_origin
(
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    origin uuid NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO directory_origin DEFAULT VALUES;

-- The number of the lock is "director" in ASCII.
CREATE FUNCTION next_directory_version() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7235419217391348594);
    RETURN nextval('directory_versions');
END
$$;

-- Milliseconds, rounded down: an event's time is, too.
CREATE FUNCTION to_ms(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN isfinite(at) THEN floor(extract(epoch FROM at) * 1000)::bigint END
$$;

CREATE FUNCTION log_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, is_gone)
    VALUES (next_directory_version(), 'user', coalesce(NEW.id, OLD.id), TG_OP = 'DELETE');
    RETURN NULL;
END
$$;

CREATE FUNCTION log_membership() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line memberships := coalesce(NEW, OLD);
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, from_ms, to_ms, is_gone)
    VALUES (next_directory_version(), 'membership', line.id, line.user_id, line.team_id,
            to_ms(lower(line.during)), to_ms(upper(line.during)), TG_OP = 'DELETE');
    RETURN NULL;
END
$$;

CREATE FUNCTION log_campaign_buyer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line campaign_buyers := coalesce(NEW, OLD);
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, from_ms, to_ms, is_gone)
    VALUES (next_directory_version(), 'campaign_buyer', line.id, line.campaign_id, line.user_id,
            to_ms(lower(line.during)), to_ms(upper(line.during)), TG_OP = 'DELETE');
    RETURN NULL;
END
$$;

CREATE FUNCTION log_tracking_key() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line tracking_keys := coalesce(NEW, OLD);
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, object_id, to_ms, is_gone)
    VALUES (next_directory_version(), 'tracking_key', line.key, line.campaign_id, to_ms(line.expires_at),
            TG_OP = 'DELETE');
    RETURN NULL;
END
$$;

-- What is there already, users first: a membership is one of a user.
INSERT INTO directory_log (version, entity, entity_id)
SELECT next_directory_version(), 'user', id FROM users ORDER BY id;
INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, from_ms, to_ms)
SELECT next_directory_version(), 'membership', id, user_id, team_id, to_ms(lower(during)), to_ms(upper(during))
FROM memberships ORDER BY id;
INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, from_ms, to_ms)
SELECT next_directory_version(), 'campaign_buyer', id, campaign_id, user_id, to_ms(lower(during)), to_ms(upper(during))
FROM campaign_buyers ORDER BY id;
INSERT INTO directory_log (version, entity, entity_id, object_id, to_ms)
SELECT next_directory_version(), 'tracking_key', key, campaign_id, to_ms(expires_at) FROM tracking_keys ORDER BY key;

CREATE CONSTRAINT TRIGGER users_directory AFTER INSERT OR DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_user();
CREATE CONSTRAINT TRIGGER memberships_directory AFTER INSERT OR UPDATE OR DELETE ON memberships
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_membership();
CREATE CONSTRAINT TRIGGER campaign_buyers_directory AFTER INSERT OR UPDATE OR DELETE ON campaign_buyers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_campaign_buyer();
CREATE CONSTRAINT TRIGGER tracking_keys_directory AFTER INSERT OR UPDATE OR DELETE ON tracking_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_tracking_key();
