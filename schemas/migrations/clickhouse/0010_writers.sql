-- The consumer group that writes a topic into this database. The newest row is valid. A second group
-- would store every event twice, because it takes other batches: it must not start.

CREATE TABLE IF NOT EXISTS writers
(
    topic String,
    cluster String,
    consumer_group String,
    since DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (topic, since);
