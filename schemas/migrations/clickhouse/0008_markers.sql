-- Sums cannot be attributed to a batch once they are added up. So each insert of sums brings a marker
-- into the same part: a row with the batch's id, whose sums are zero. A marker proves that the sums
-- were added. Markers lie at the last second of their month, where reports of earlier days do not
-- read them, and are deleted after 14 days, as verdicts are.

ALTER TABLE rollup_hourly ADD COLUMN IF NOT EXISTS batch UUID, ADD COLUMN IF NOT EXISTS made DateTime('UTC'),
    ADD COLUMN IF NOT EXISTS batches Int64,
    MODIFY ORDER BY (hour, user_id, team_id, campaign_id, batch, made);
ALTER TABLE rollup_hourly
    MODIFY TTL if(batches = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), made + INTERVAL 14 DAY)
    SETTINGS materialize_ttl_after_modify = 0;

ALTER TABLE outcomes ADD COLUMN IF NOT EXISTS batch UUID, ADD COLUMN IF NOT EXISTS made DateTime('UTC'),
    ADD COLUMN IF NOT EXISTS batches Int64,
    MODIFY ORDER BY (minute, stage, lane, outcome, reason, batch, made);
ALTER TABLE outcomes
    MODIFY TTL if(batches = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), made + INTERVAL 14 DAY)
    SETTINGS materialize_ttl_after_modify = 0;

-- Tokens make the ordinary repetition of an insert cheap. A table remembers more of them, and a replicated one for a week:
-- its default is an hour.

ALTER TABLE prospects MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE prospect_index MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE orders MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE order_contacts MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE rollup_hourly MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE parked_log MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE outcomes MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE lanes MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE verdicts MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE order_status MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE changes MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
ALTER TABLE origin_edits MODIFY SETTING non_replicated_deduplication_window = 100000,
    replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800;
