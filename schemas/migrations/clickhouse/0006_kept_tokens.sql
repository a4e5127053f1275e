-- A part of which a mutation has deleted all rows takes the tokens of its inserts along when ClickHouse clears it away: an insert
-- that is repeated after that, or comes late, would bring back what was deleted. Such parts stay until they are merged.

ALTER TABLE prospects MODIFY SETTING remove_empty_parts = 0;
ALTER TABLE prospect_index MODIFY SETTING remove_empty_parts = 0;
ALTER TABLE orders MODIFY SETTING remove_empty_parts = 0;
ALTER TABLE order_contacts MODIFY SETTING remove_empty_parts = 0;
ALTER TABLE parked_log MODIFY SETTING remove_empty_parts = 0;

-- An edit that stands still for long (a change of a later version before it, a server that refuses it) is still announced then.
ALTER TABLE origin_edits MODIFY TTL made + INTERVAL 1 YEAR;
