-- Indexes by which each list finds a page without looking at the rest: what is present now, what is not archived, texts that
-- few have, and the audit trail in the order of its times.

CREATE INDEX campaigns_listed ON campaigns (lower(name), id) WHERE archived_at IS NULL;
DROP INDEX campaigns_name;

-- Whose a campaign is now, and which team somebody is in now: the exclusion constraints' indexes find it too, but slower.
CREATE INDEX campaign_buyers_now ON campaign_buyers (campaign_id) INCLUDE (user_id) WHERE upper_inf(during);
CREATE INDEX memberships_now ON memberships (user_id) INCLUDE (team_id) WHERE upper_inf(during);

CREATE INDEX users_text ON users
    USING gin (username gin_trgm_ops, email gin_trgm_ops, first_name gin_trgm_ops, last_name gin_trgm_ops);

CREATE INDEX ledger_entries_kind ON ledger_entries (kind, at, id);

-- The trail is listed by time, then id: a range of time is a slice of each index.
CREATE INDEX audit_log_of_resource ON audit_log (resource, resource_id, at DESC, id DESC);
CREATE INDEX audit_log_of_actor ON audit_log (actor_id, at DESC, id DESC);
CREATE INDEX audit_log_of_verb ON audit_log (verb, at DESC, id DESC);
DROP INDEX audit_log_resource, audit_log_actor, audit_log_verb;
