-- The Owner's decision by which a parked event was mended or ignored (its id in Postgres; 0: none), and why it is ignored.

ALTER TABLE parked_log
    ADD COLUMN IF NOT EXISTS decision UInt64,
    ADD COLUMN IF NOT EXISTS note String;

CREATE OR REPLACE VIEW parked AS
SELECT event_id, kind, reason, state, first_seen, last_tried, reference, partition, place, payload, decision, note
FROM parked_log FINAL;
