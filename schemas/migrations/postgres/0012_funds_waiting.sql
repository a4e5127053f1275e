-- Every page tells how many requests wait for its viewer.
CREATE INDEX fund_requests_waiting ON fund_requests (status, buyer_id) WHERE status IN ('open', 'approved');
