-- Teams and campaigns that people edit: versions, who may be in a team, lead one or run a campaign, and leaving when somebody
-- is no longer what a team needs.
--
-- Every change of a team locks users (by id), then all other such changes out (lock_teams), then the rest: what was checked
-- under the lock still holds at the commit.

ALTER TABLE teams ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- Until the end of the transaction. The number is "teams" in ASCII.
CREATE FUNCTION lock_teams() RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(499967618419) $$;

CREATE INDEX memberships_present ON memberships (team_id, user_id) WHERE upper_inf(during);
CREATE INDEX memberships_history ON memberships (team_id, id);
DROP INDEX memberships_team;

-- Who is in a team from now on, or runs a campaign, is a Buyer.
CREATE FUNCTION check_buyer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Locked: the position stays what it is until this is committed.
    PERFORM FROM users WHERE id = NEW.user_id AND position = 'Buyer' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% takes Buyers only', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER memberships_of_buyers BEFORE INSERT ON memberships
    FOR EACH ROW WHEN (upper_inf(NEW.during)) EXECUTE FUNCTION check_buyer();
CREATE TRIGGER campaigns_of_buyers BEFORE INSERT ON campaign_buyers
    FOR EACH ROW WHEN (upper_inf(NEW.during)) EXECUTE FUNCTION check_buyer();

-- The campaign is another's from now on; its events until now stay with whom they were brought by.
CREATE FUNCTION hand_over_campaign(campaign bigint, buyer bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    DELETE FROM campaign_buyers
    WHERE campaign_id = campaign AND upper_inf(during) AND lower(during) >= moment;
    UPDATE campaign_buyers SET during = tstzrange(lower(during), moment)
    WHERE campaign_id = campaign AND upper_inf(during);
    INSERT INTO campaign_buyers (campaign_id, user_id, during) VALUES (campaign, buyer, tstzrange(moment, NULL));
END
$$;

CREATE INDEX campaign_buyers_present ON campaign_buyers (user_id, campaign_id) WHERE upper_inf(during);

CREATE FUNCTION check_lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM users WHERE id = NEW.lead_id AND position = 'Team Lead' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lead of a team is a Team Lead'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'teams_led_by_leads';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER teams_new_lead BEFORE INSERT ON teams
    FOR EACH ROW WHEN (NEW.lead_id IS NOT NULL) EXECUTE FUNCTION check_lead();
CREATE TRIGGER teams_other_lead BEFORE UPDATE OF lead_id ON teams
    FOR EACH ROW WHEN (NEW.lead_id IS NOT NULL AND NEW.lead_id IS DISTINCT FROM OLD.lead_id)
    EXECUTE FUNCTION check_lead();

-- Ends these people's present periods in a team. One that began at this very moment never was.
CREATE FUNCTION end_memberships(from_team bigint, leavers bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    DELETE FROM memberships
    WHERE team_id = from_team AND user_id = ANY (leavers) AND upper_inf(during) AND lower(during) >= moment;
    UPDATE memberships SET during = tstzrange(lower(during), moment)
    WHERE team_id = from_team AND user_id = ANY (leavers) AND upper_inf(during);
END
$$;

-- Takes somebody out of the team they are in or lead. Their past in it stays.
CREATE FUNCTION leave_teams(leaver bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    left_team bigint;
BEGIN
    PERFORM FROM users WHERE id = leaver FOR NO KEY UPDATE;
    PERFORM lock_teams();
    FOR left_team IN SELECT team_id FROM memberships WHERE user_id = leaver AND upper_inf(during) LOOP
        PERFORM end_memberships(left_team, ARRAY[leaver]);
        UPDATE teams SET version = version + 1 WHERE id = left_team;
    END LOOP;
    UPDATE teams SET lead_id = NULL, version = version + 1 WHERE lead_id = leaver AND archived_at IS NULL;
END
$$;

CREATE FUNCTION leave_by_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM leave_teams(NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER users_leave_by_position AFTER UPDATE OF position ON users
    FOR EACH ROW WHEN (NEW.position IS DISTINCT FROM OLD.position) EXECUTE FUNCTION leave_by_position();
