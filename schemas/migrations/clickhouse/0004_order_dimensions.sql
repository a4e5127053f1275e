-- What an order takes from its prospect besides whose it is, so that orders are counted and filtered without reading visits.
-- Orders that are stored already are given theirs by way of a table for looking up, which goes again. The device of a visit is
-- never empty: an order without one has not been given it yet. A mutation knows no default database: it is named here.

ALTER TABLE orders ADD COLUMN IF NOT EXISTS country LowCardinality(String),
    ADD COLUMN IF NOT EXISTS device LowCardinality(String), ADD COLUMN IF NOT EXISTS os LowCardinality(String),
    ADD COLUMN IF NOT EXISTS browser LowCardinality(String), ADD COLUMN IF NOT EXISTS bot LowCardinality(String);

CREATE TABLE IF NOT EXISTS dimensions_of_orders
(
    prospect_id UUID,
    country String,
    device String,
    os String,
    browser String,
    bot String
)
ENGINE = Join(ANY, LEFT, prospect_id);

INSERT INTO dimensions_of_orders
SELECT prospect_id, country, device, os, browser, bot FROM prospects
WHERE prospect_id IN (SELECT prospect_id FROM orders WHERE device = '') ORDER BY time;

ALTER TABLE orders UPDATE
    country = joinGet(concat(currentDatabase(), '.dimensions_of_orders'), 'country', prospect_id),
    device = joinGet(concat(currentDatabase(), '.dimensions_of_orders'), 'device', prospect_id),
    os = joinGet(concat(currentDatabase(), '.dimensions_of_orders'), 'os', prospect_id),
    browser = joinGet(concat(currentDatabase(), '.dimensions_of_orders'), 'browser', prospect_id),
    bot = joinGet(concat(currentDatabase(), '.dimensions_of_orders'), 'bot', prospect_id)
WHERE device = '' SETTINGS mutations_sync = 2, mutations_execute_nondeterministic_on_initiator = 1;

DROP TABLE IF EXISTS dimensions_of_orders;
