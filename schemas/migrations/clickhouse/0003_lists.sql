-- Where the few events of a buyer or of a campaign cannot be: lists of what has many are full before they get there.
-- MATERIALIZE makes the indexes of what is stored already, in the background.

ALTER TABLE prospects
    ADD INDEX IF NOT EXISTS of_user user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS of_campaign campaign_id TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE prospects MATERIALIZE INDEX of_user, MATERIALIZE INDEX of_campaign;
