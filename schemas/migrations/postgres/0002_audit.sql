-- Who changed what. Append-only: not even the service's own role changes a line.

CREATE TABLE audit_log
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    -- NULL: the system or its command line. No reference: a line outlives the account.
    actor_id bigint,
    actor_name text NOT NULL,
    address text NOT NULL DEFAULT '',
    -- By which way in: 'api', 'page', 'cli', 'system'.
    via text NOT NULL,
    request_id text NOT NULL DEFAULT '',
    -- 'create', 'update', 'delete', 'approve', 'export' and so on.
    verb text NOT NULL,
    -- 'users', 'teams' and so on, as in paths.
    resource text NOT NULL,
    resource_id text NOT NULL DEFAULT '',
    -- Only the fields that differ; secrets and password hashes never.
    before jsonb,
    after jsonb
);

CREATE INDEX audit_log_resource ON audit_log (resource, resource_id, id DESC);
CREATE INDEX audit_log_actor ON audit_log (actor_id, id DESC);
CREATE INDEX audit_log_at ON audit_log (at DESC, id DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
