-- What an order of a campaign brings when it does not say so itself, and when that was so: the consumer needs it as of the
-- order's time, like whose the campaign is. The campaign's row is what people edit; its periods follow by a trigger.

CREATE TABLE campaign_payouts
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    -- As in campaigns: minor units, NULL for none.
    payout_minor bigint,
    currency text NOT NULL,
    during tstzrange NOT NULL,
    CONSTRAINT campaign_payouts_period_real CHECK (NOT isempty(during) AND NOT lower_inf(during)),
    CONSTRAINT campaign_payouts_one_at_a_time EXCLUDE USING gist (campaign_id WITH =, during WITH &&)
);

-- Of a period of a campaign's payout; empty for the others.
ALTER TABLE directory_log ADD COLUMN currency text NOT NULL DEFAULT '';

-- The first period begins at the epoch, so that orders that waited for their prospect find it.
CREATE FUNCTION keep_campaign_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := CASE TG_OP WHEN 'INSERT' THEN 'epoch'::timestamptz ELSE clock_timestamp() END;
BEGIN
    DELETE FROM campaign_payouts WHERE campaign_id = NEW.id AND upper_inf(during) AND lower(during) >= moment;
    UPDATE campaign_payouts SET during = tstzrange(lower(during), moment)
    WHERE campaign_id = NEW.id AND upper_inf(during);
    INSERT INTO campaign_payouts (campaign_id, payout_minor, currency, during)
    VALUES (NEW.id, NEW.payout_minor, NEW.currency, tstzrange(moment, NULL));
    RETURN NULL;
END
$$;

-- 'campaign_payout': the subject is the campaign, the object the payout in minor units, -1 for none.
CREATE FUNCTION log_campaign_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line campaign_payouts := coalesce(NEW, OLD);
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, currency, from_ms, to_ms, is_gone)
    VALUES (next_directory_version(), 'campaign_payout', line.id, line.campaign_id, coalesce(line.payout_minor, -1),
            line.currency, to_ms(lower(line.during)), to_ms(upper(line.during)), TG_OP = 'DELETE');
    RETURN NULL;
END
$$;

INSERT INTO campaign_payouts (campaign_id, payout_minor, currency, during)
SELECT id, payout_minor, currency, tstzrange('epoch', NULL) FROM campaigns ORDER BY id;
INSERT INTO directory_log (version, entity, entity_id, subject_id, object_id, currency, from_ms)
SELECT next_directory_version(), 'campaign_payout', id, campaign_id, coalesce(payout_minor, -1), currency, to_ms(lower(during))
FROM campaign_payouts ORDER BY id;

CREATE CONSTRAINT TRIGGER campaign_payouts_directory AFTER INSERT OR UPDATE OR DELETE ON campaign_payouts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_campaign_payout();
CREATE TRIGGER campaigns_first_payout AFTER INSERT ON campaigns
    FOR EACH ROW EXECUTE FUNCTION keep_campaign_payout();
CREATE TRIGGER campaigns_payout AFTER UPDATE OF payout_minor, currency ON campaigns FOR EACH ROW
    WHEN ((OLD.payout_minor, OLD.currency) IS DISTINCT FROM (NEW.payout_minor, NEW.currency))
    EXECUTE FUNCTION keep_campaign_payout();
