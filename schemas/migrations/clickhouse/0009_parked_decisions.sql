-- The Owner's decision by which a parked event was mended or ignored (its id in Postgres; 0: none),
-- and the reason for ignoring it. The view `parked` stays as it is: these columns are read from
-- `parked_log FINAL`.

ALTER TABLE parked_log
    ADD COLUMN IF NOT EXISTS decision UInt64,
    ADD COLUMN IF NOT EXISTS note String;
