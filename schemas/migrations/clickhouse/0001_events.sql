-- Events and what is counted from them. Applied by `sluice-api migrate`, in the database that the connection names.
--
-- Every table that the consumer inserts into remembers the tokens of its last inserts
-- (non_replicated_deduplication_window), so that an insert repeated after a crash is ignored.
--
-- Sorted by time: the newest page is the tail of the table, a date range is a slice of it, and an insert hardly needs
-- sorting. Prospects lie in short granules, since a page of orders reads as many of them as it has orders. docs/adr/0003
-- has the measurements.

CREATE TABLE IF NOT EXISTS prospects
(
    prospect_id UUID,
    time DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    user_id UInt64,
    team_id UInt64,
    campaign_id UInt64,
    ip IPv6,
    user_agent String,
    referrer String,
    page String,
    country LowCardinality(String),
    device LowCardinality(String),
    os LowCardinality(String),
    browser LowCardinality(String),
    bot LowCardinality(String),
    external_id String,
    external_kind LowCardinality(String),
    subs Array(String),
    sub1 String ALIAS subs[1], sub2 String ALIAS subs[2], sub3 String ALIAS subs[3], sub4 String ALIAS subs[4],
    sub5 String ALIAS subs[5], sub6 String ALIAS subs[6], sub7 String ALIAS subs[7], sub8 String ALIAS subs[8],
    sub9 String ALIAS subs[9], sub10 String ALIAS subs[10], sub11 String ALIAS subs[11], sub12 String ALIAS subs[12],
    sub13 String ALIAS subs[13], sub14 String ALIAS subs[14], sub15 String ALIAS subs[15], sub16 String ALIAS subs[16],
    sub17 String ALIAS subs[17], sub18 String ALIAS subs[18], sub19 String ALIAS subs[19], sub20 String ALIAS subs[20],
    utm_source LowCardinality(String),
    utm_medium LowCardinality(String),
    utm_campaign String,
    utm_content String,
    utm_term String,
    keyword String,
    creative_id String,
    ad_campaign_id String,
    placement String,
    cost Decimal(18, 6),
    currency LowCardinality(String),
    marks Array(LowCardinality(String))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY time
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;

-- Finds a prospect by its id: for the join of its orders and for its page. UUIDs sort by their second half in
-- ClickHouse; as a number a UUIDv7 sorts by its time, so that the ids of recent prospects lie together.
CREATE TABLE IF NOT EXISTS prospect_index
(
    prospect_id UUID,
    time DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    user_id UInt64,
    team_id UInt64,
    campaign_id UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY toUInt128(prospect_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS orders
(
    order_id UUID,
    prospect_id UUID,
    time DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    user_id UInt64,
    team_id UInt64,
    campaign_id UInt64,
    status LowCardinality(String),
    status_text String,
    payout Decimal(18, 6),
    currency LowCardinality(String),
    marks Array(LowCardinality(String))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY time
SETTINGS non_replicated_deduplication_window = 10000;

-- The only place of a customer's data but for the bytes of a parked order: erasing a person leaves the counts alone.
CREATE TABLE IF NOT EXISTS order_contacts
(
    order_id UUID,
    time DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    email String,
    phone_number String,
    first_name String,
    last_name String,
    delivery_address String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY time
SETTINGS non_replicated_deduplication_window = 10000;

-- Prospects and orders by hour. Summed a batch at a time by the consumer; signed, so that an edit can take back.
CREATE TABLE IF NOT EXISTS rollup_hourly
(
    hour DateTime('UTC'),
    user_id UInt64,
    team_id UInt64,
    campaign_id UInt64,
    prospects Int64,
    bots Int64,
    orders Int64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, user_id, team_id, campaign_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- One row a state of a parked event; the view `parked` shows the newest. `place` (lane and ordinal) keeps two events apart
-- that carry one id.
CREATE TABLE IF NOT EXISTS parked_log
(
    event_id UUID,
    kind LowCardinality(String),
    reason LowCardinality(String),
    state LowCardinality(String),
    first_seen DateTime64(3, 'UTC'),
    last_tried DateTime64(3, 'UTC'),
    reference String,
    partition Int32,
    payload String,
    place String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (event_id, place)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS parked AS
SELECT event_id, kind, reason, state, first_seen, last_tried, reference, partition, place, payload
FROM parked_log FINAL;

CREATE TABLE IF NOT EXISTS outcomes
(
    minute DateTime('UTC'),
    stage LowCardinality(String),
    lane String,
    outcome LowCardinality(String),
    reason LowCardinality(String),
    count UInt64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, stage, lane, outcome, reason)
SETTINGS non_replicated_deduplication_window = 10000;

-- The next ordinal that the consumer expects of every lane: written last in a batch, read when a partition is taken.
CREATE TABLE IF NOT EXISTS lanes
(
    lane String,
    partition Int32,
    next_seq UInt64,
    updated DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(next_seq)
ORDER BY lane
SETTINGS non_replicated_deduplication_window = 10000;

-- What a batch found out that a second computation might find otherwise (which prospects were known): written before
-- the batch, so that a repeated batch decides the same.
CREATE TABLE IF NOT EXISTS verdicts
(
    batch String,
    made DateTime DEFAULT now(),
    body String
)
ENGINE = MergeTree
ORDER BY batch
TTL made + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 10000;
