-- The consumer keeps the click id of a visit as its external id, under the name that the campaign's source says. So the
-- directory's log has which source a campaign has ('campaign_source': the subject is the campaign, the object the source)
-- and with which parameter a source passes its click id ('source': `details` has `click_id_param`). Both hold for events of
-- all times: a visit that is replayed later finds what the source says then.

CREATE FUNCTION log_source() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line sources := coalesce(NEW, OLD);
BEGIN
    IF TG_OP = 'INSERT' AND line.click_id_param = '' THEN RETURN NULL; END IF;
    IF TG_OP = 'UPDATE' AND NEW.click_id_param = OLD.click_id_param THEN RETURN NULL; END IF;
    INSERT INTO directory_log (version, entity, entity_id, is_gone, details)
    VALUES (next_directory_version(), 'source', line.id, TG_OP = 'DELETE' OR line.click_id_param = '',
            jsonb_build_object('click_id_param', line.click_id_param));
    RETURN NULL;
END
$$;

CREATE FUNCTION log_campaign_source() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line campaigns := coalesce(NEW, OLD);
BEGIN
    IF TG_OP = 'INSERT' AND line.source_id IS NULL THEN RETURN NULL; END IF;
    IF TG_OP = 'UPDATE' AND NEW.source_id IS NOT DISTINCT FROM OLD.source_id THEN RETURN NULL; END IF;
    INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, is_gone)
    VALUES (next_directory_version(), 'campaign_source', line.id, line.id, coalesce(line.source_id, 0),
            TG_OP = 'DELETE' OR line.source_id IS NULL);
    RETURN NULL;
END
$$;

INSERT INTO directory_log (version, entity, entity_id, details)
SELECT next_directory_version(), 'source', id, jsonb_build_object('click_id_param', click_id_param)
FROM sources WHERE click_id_param <> '' ORDER BY id;
INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id)
SELECT next_directory_version(), 'campaign_source', id, id, source_id
FROM campaigns WHERE source_id IS NOT NULL ORDER BY id;

CREATE CONSTRAINT TRIGGER sources_directory AFTER INSERT OR UPDATE OR DELETE ON sources
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_source();
CREATE CONSTRAINT TRIGGER campaigns_source_directory AFTER INSERT OR UPDATE OR DELETE ON campaigns
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_campaign_source();
