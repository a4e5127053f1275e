-- Which changes edit what orders take from their prospect (buyer, country, device and so on). Until such a change is in `changes`,
-- orders of its prospect wait.
CREATE TABLE IF NOT EXISTS origin_edits
(
    prospect_id UUID,
    change_id UUID,
    made DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY toUInt128(prospect_id)
TTL made + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 10000;
