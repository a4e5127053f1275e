-- The versions of the data sets by which a visit was classified: country, device, system, browser
-- and bot. Empty for visits that were stored before this column existed.

ALTER TABLE prospects ADD COLUMN IF NOT EXISTS rules LowCardinality(String);
