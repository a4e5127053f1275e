-- Where a text cannot be: in what a page and its click id hold together four letters at a time, in the few referrers and agents that
-- many visits share. Each index is of use only to a condition on its own expression, so a search asks for one place after another.

ALTER TABLE prospects
    ADD INDEX IF NOT EXISTS of_place lower(concat(page, '\n', external_id)) TYPE ngrambf_v1(4, 16384, 1, 0) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS of_referrer referrer TYPE set(16384) GRANULARITY 64,
    ADD INDEX IF NOT EXISTS of_agent user_agent TYPE set(16384) GRANULARITY 64;
ALTER TABLE prospects MATERIALIZE INDEX of_place, MATERIALIZE INDEX of_referrer, MATERIALIZE INDEX of_agent;
