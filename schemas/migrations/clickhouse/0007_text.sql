-- Where a text cannot be: a click id, and the few referrers and agents that many visits share, which are compared once for many. Each
-- index is of use only to a condition on its own column, so a search asks for one place after another. docs/adr/0003 says why pages
-- have none.

ALTER TABLE prospects
    ADD INDEX IF NOT EXISTS of_external external_id TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS of_referrer referrer TYPE set(16384) GRANULARITY 64,
    ADD INDEX IF NOT EXISTS of_agent user_agent TYPE set(16384) GRANULARITY 64;
ALTER TABLE prospects MATERIALIZE INDEX of_external, MATERIALIZE INDEX of_referrer, MATERIALIZE INDEX of_agent;
