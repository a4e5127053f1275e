-- A person who is removed is nobody's buyer from then on: the directory's line of a user says until when they are one.
-- Somebody who is deactivated stays one, since what was bought in their name goes on coming in.

CREATE OR REPLACE FUNCTION log_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, to_ms, is_gone)
    VALUES (next_directory_version(), 'user', coalesce(NEW.id, OLD.id), to_ms(NEW.archived_at), TG_OP = 'DELETE');
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER users_directory_removal AFTER UPDATE OF archived_at ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.archived_at IS DISTINCT FROM NEW.archived_at) EXECUTE FUNCTION log_user();

-- Who was removed before.
INSERT INTO directory_log (version, entity, entity_id, to_ms)
SELECT next_directory_version(), 'user', id, to_ms(archived_at) FROM users WHERE archived_at IS NOT NULL ORDER BY id;
