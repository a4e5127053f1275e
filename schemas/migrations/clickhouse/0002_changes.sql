-- What people change: rows have versions, so that a change that comes late (from a consumer that was cut off) finds its row
-- changed already and does nothing; orders have a history; changes have an outcome.

ALTER TABLE prospects ADD COLUMN IF NOT EXISTS version UInt32;
ALTER TABLE prospect_index ADD COLUMN IF NOT EXISTS version UInt32;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS version UInt32;
ALTER TABLE order_contacts ADD COLUMN IF NOT EXISTS version UInt32;

-- Orders by what became of them; those on hold are the rest of `orders`.
ALTER TABLE rollup_hourly ADD COLUMN IF NOT EXISTS sales Int64, ADD COLUMN IF NOT EXISTS rejected Int64,
    ADD COLUMN IF NOT EXISTS trash Int64, ADD COLUMN IF NOT EXISTS chargebacks Int64,
    ADD COLUMN IF NOT EXISTS rebills Int64;

-- Each status that an order was given, newest last. Its first one, hold, is the order itself.
CREATE TABLE IF NOT EXISTS order_status
(
    order_id UUID,
    time DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    status LowCardinality(String),
    status_text String,
    reason String,
    actor_id UInt64,
    change_id UUID
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (toUInt128(order_id), time)
SETTINGS non_replicated_deduplication_window = 10000;

-- What became of each change: `applied`, `missing` (there was no such thing any more) or `refused`. Without what was set.
CREATE TABLE IF NOT EXISTS changes
(
    change_id UUID,
    time DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    entity LowCardinality(String),
    entity_id UUID,
    act LowCardinality(String),
    actor_id UInt64,
    outcome LowCardinality(String),
    reason String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY toUInt128(change_id)
SETTINGS non_replicated_deduplication_window = 10000;
