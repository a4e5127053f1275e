-- Decisions about parked events: what an event that names something unknown was meant to name ('mend'), that it is no longer
-- waited for ('ignore'), or that one event waits although all alike are ignored ('wait'). The consumer learns them from the
-- directory's log and acts on them in its replays (docs/adr/0010).

CREATE TABLE parked_decisions
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act text NOT NULL CONSTRAINT parked_decisions_act_known CHECK (act IN ('mend', 'ignore', 'wait')),
    -- One event; NULL: all events that wait for the same reason and name the same thing.
    event_id uuid,
    reason text NOT NULL CONSTRAINT parked_decisions_reason_known
        CHECK (reason IN ('unknown_key', 'expired_key', 'unknown_user', 'unknown_prospect', 'unreadable')),
    -- Short, since queries have it in their URL.
    reference text NOT NULL CONSTRAINT parked_decisions_reference_short CHECK (char_length(reference) <= 256),
    -- What a mended event should have named.
    campaign_id bigint REFERENCES campaigns (id),
    user_id bigint REFERENCES users (id),
    prospect_id uuid,
    -- For events before this moment; NULL: for ever. A decision about one event is for ever.
    until timestamptz,
    note text NOT NULL DEFAULT '' CONSTRAINT parked_decisions_note_short CHECK (char_length(note) <= 500),
    -- The number of events that it was made for.
    n_events bigint NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- NULL: the command line.
    decided_by bigint REFERENCES users (id),
    revoked_at timestamptz,
    revoked_by bigint REFERENCES users (id),
    CONSTRAINT parked_decisions_one_target
        CHECK (num_nonnulls(campaign_id, user_id, prospect_id) = CASE act WHEN 'mend' THEN 1 ELSE 0 END),
    -- Orders name prospects, and prospects name keys and users.
    CONSTRAINT parked_decisions_target_fits
        CHECK (act <> 'mend' OR (reason <> 'unreadable' AND (prospect_id IS NOT NULL) = (reason = 'unknown_prospect'))),
    CONSTRAINT parked_decisions_wait_is_for_one CHECK (act <> 'wait' OR event_id IS NOT NULL)
);

CREATE UNIQUE INDEX parked_decisions_of_event ON parked_decisions (event_id)
    WHERE revoked_at IS NULL AND event_id IS NOT NULL;
CREATE UNIQUE INDEX parked_decisions_of_alike ON parked_decisions (reason, reference)
    WHERE revoked_at IS NULL AND event_id IS NULL;

-- Of a decision about parked events.
ALTER TABLE directory_log ADD COLUMN details jsonb;

CREATE FUNCTION log_parked_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line parked_decisions := coalesce(NEW, OLD);
BEGIN
    INSERT INTO directory_log (version, entity, entity_id, to_ms, is_gone, details)
    VALUES (next_directory_version(), 'parked_decision', line.id, to_ms(line.until),
            TG_OP = 'DELETE' OR line.revoked_at IS NOT NULL,
            jsonb_build_object(
                'act', line.act, 'event_id', line.event_id, 'reason', line.reason, 'reference', line.reference,
                'campaign_id', line.campaign_id, 'user_id', line.user_id, 'prospect_id', line.prospect_id,
                'note', line.note));
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER parked_decisions_directory AFTER INSERT OR UPDATE OR DELETE ON parked_decisions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_parked_decision();

-- Makes a decision, which takes the place of an earlier one about the same events. Ignored events must be told to wait again
-- before they are mended, so that nobody mends more than was counted. Returns the decision's id.
CREATE FUNCTION decide_parked(
    the_act text, the_event uuid, the_reason text, the_reference text, the_campaign bigint, the_user bigint,
    the_prospect uuid, the_until timestamptz, the_note text, the_count bigint, the_actor bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    earlier parked_decisions;
    made bigint;
BEGIN
    -- The number of the lock is "decision" in ASCII.
    PERFORM pg_advisory_xact_lock(7234297680999575406);
    SELECT * INTO earlier FROM parked_decisions
    WHERE revoked_at IS NULL
      AND CASE WHEN the_event IS NULL THEN event_id IS NULL AND reason = the_reason AND reference = the_reference
               ELSE event_id = the_event END;
    IF earlier.act = 'ignore' AND the_act = 'mend' THEN
        RAISE EXCEPTION 'these events are ignored; let them wait again first'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'parked_decisions_ignored';
    END IF;
    UPDATE parked_decisions SET revoked_at = clock_timestamp(), revoked_by = the_actor WHERE id = earlier.id;
    IF (SELECT count(*) FROM parked_decisions WHERE revoked_at IS NULL) >= 2000 THEN
        RAISE EXCEPTION 'there are 2000 decisions; revoke some whose events have been replayed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'parked_decisions_bound';
    END IF;
    INSERT INTO parked_decisions
        (act, event_id, reason, reference, campaign_id, user_id, prospect_id, until, note, n_events, decided_by)
    VALUES (the_act, the_event, the_reason, the_reference, the_campaign, the_user, the_prospect, the_until, the_note,
            the_count, the_actor)
    RETURNING id INTO made;
    RETURN made;
END
$$;

-- Lets ignored events wait again: one, or all alike. Returns how many decisions that made or revoked.
CREATE FUNCTION let_parked_wait(the_event uuid, the_reason text, the_reference text, the_count bigint, the_actor bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n_revoked bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7234297680999575406);
    UPDATE parked_decisions SET revoked_at = clock_timestamp(), revoked_by = the_actor
    WHERE act = 'ignore' AND revoked_at IS NULL
      AND CASE WHEN the_event IS NULL THEN reason = the_reason AND reference = the_reference
               ELSE event_id = the_event END;
    GET DIAGNOSTICS n_revoked = ROW_COUNT;
    IF the_event IS NOT NULL AND EXISTS (
        SELECT FROM parked_decisions
        WHERE act = 'ignore' AND revoked_at IS NULL AND event_id IS NULL AND reason = the_reason
          AND reference = the_reference)
    THEN
        PERFORM decide_parked('wait', the_event, the_reason, the_reference, NULL, NULL, NULL, NULL, '', the_count, the_actor);
        RETURN n_revoked + 1;
    END IF;
    RETURN n_revoked;
END
$$;

-- The same for the command line of the consumer, whose role may write nothing else: each leaves its line in the audit trail.
CREATE FUNCTION operator_decides_parked(
    the_act text, the_event uuid, the_reason text, the_reference text, the_campaign bigint, the_user bigint,
    the_prospect uuid, the_until timestamptz, the_note text, the_count bigint
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made bigint := decide_parked(the_act, the_event, the_reason, the_reference, the_campaign, the_user, the_prospect,
                                 the_until, the_note, the_count, NULL);
BEGIN
    INSERT INTO audit_log (actor_name, via, verb, resource, resource_id, after)
    SELECT 'operator', 'cli', act, 'parked', id,
           jsonb_strip_nulls(to_jsonb(made_line) - 'id' - 'act' - 'decided_at' - 'decided_by')
    FROM parked_decisions AS made_line WHERE id = made;
    -- Now, as the owner of the log: at the commit the role is the caller's again.
    SET CONSTRAINTS parked_decisions_directory IMMEDIATE;
    RETURN made;
END
$$;

CREATE FUNCTION operator_lets_parked_wait(the_event uuid, the_reason text, the_reference text, the_count bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n_changed bigint := let_parked_wait(the_event, the_reason, the_reference, the_count, NULL);
BEGIN
    IF n_changed > 0 THEN
        INSERT INTO audit_log (actor_name, via, verb, resource, resource_id, after)
        VALUES ('operator', 'cli', 'wait_again', 'parked', coalesce(the_event::text, the_reason || ' ' || the_reference),
                jsonb_build_object('n_events', the_count));
    END IF;
    SET CONSTRAINTS parked_decisions_directory IMMEDIATE;
    RETURN n_changed;
END
$$;

REVOKE ALL ON FUNCTION decide_parked, let_parked_wait, operator_decides_parked, operator_lets_parked_wait FROM PUBLIC;
