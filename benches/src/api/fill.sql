-- People, campaigns and money for measurements, in one transaction. The words with a colon are
-- replaced by numbers. User 1, an Owner, exists already. Then follow the leads, ten coordinators,
-- five more Owners and the Buyers. All have the password of user 1.

INSERT INTO users (username, username_key, email, password_hash, first_name, last_name, position)
SELECT 'user' || n, 'user' || n, 'user' || n || '@example.com', (SELECT password_hash FROM users WHERE id = 1),
       (ARRAY['Ann', 'Bob', 'Cleo', 'Dan', 'Eve', 'Fay', 'Gus', 'Hal'])[1 + n % 8],
       (ARRAY['Archer', 'Baker', 'Cooper', 'Dyer', 'Fisher', 'Mason', 'Smith'])[1 + n % 7],
       CASE WHEN n <= 1 + :teams THEN 'Team Lead' WHEN n <= 11 + :teams THEN 'Funds Coordinator'
            WHEN n < :first_buyer THEN 'Owner' ELSE 'Buyer' END
FROM generate_series(2, :users) n ORDER BY n;

INSERT INTO teams (name, lead_id) SELECT 'Team ' || n, n + 1 FROM generate_series(1, :teams) n ORDER BY n;

-- Every user was in another team before.
INSERT INTO memberships (team_id, user_id, during)
SELECT 1 + (n - :first_buyer + 1) % :teams, n, tstzrange(now() - interval '400 days', now() - interval '200 days')
FROM generate_series(:first_buyer, :users) n;
INSERT INTO memberships (team_id, user_id, during)
SELECT 1 + (n - :first_buyer) % :teams, n, tstzrange(now() - interval '200 days', NULL)
FROM generate_series(:first_buyer, :users) n;

INSERT INTO sources (name, click_id_param, macros)
SELECT 'Source ' || n, 'clickid', '{"sub1": "{zone}", "sub2": "{banner}"}' FROM generate_series(1, 50) n ORDER BY n;
INSERT INTO partners (name) SELECT 'Partner ' || n FROM generate_series(1, 50) n ORDER BY n;

INSERT INTO campaigns (name, source_id, partner_id, state, sites, payout_minor, tags)
SELECT 'Campaign ' || n, 1 + n % 50, 1 + n % 50, CASE WHEN n % 5 = 0 THEN 'paused' ELSE 'active' END,
       ARRAY['https://landing' || n % 100 || '.example'], 1000, ARRAY['tag' || n % 20]
FROM generate_series(1, :campaigns) n ORDER BY n;
INSERT INTO campaign_buyers (campaign_id, user_id)
SELECT n, :first_buyer + (n - 1) % :buyers FROM generate_series(1, :campaigns) n;
-- Two keys per campaign, the first of which has ended.
INSERT INTO tracking_keys (key, campaign_id, expires_at)
SELECT lpad(n::text, 15, '0') || 'a', n, now() - interval '100 days' FROM generate_series(1, :campaigns) n
UNION ALL SELECT lpad(n::text, 15, '0') || 'b', n, NULL FROM generate_series(1, :campaigns) n;

INSERT INTO fund_accounts (name, source_id, buyer_id, buyer_since, currency, state, created_at)
SELECT 'Account ' || n, 1 + n % 50, :first_buyer + (n - 1) % :buyers, now() - interval '400 days', 'USD',
       CASE WHEN n % 10 = 0 THEN 'paused' ELSE 'active' END, now() - interval '400 days'
FROM generate_series(1, :accounts) n ORDER BY n;
INSERT INTO fund_budgets (team_id, month, amount_minor, currency, created_at)
SELECT n, date_trunc('month', now() - make_interval(months => ago))::date, 100000000000, 'USD', now()
FROM generate_series(1, :teams) n, generate_series(0, 11) ago;
INSERT INTO fund_requests (fund_account_id, buyer_id, amount_minor, currency, purpose, status, decided_by, budget_id,
                           budget_minor, created_at)
SELECT account.id, account.buyer_id, 10000 + n, 'USD', 'more of what works', status,
       CASE WHEN status IN ('approved', 'refused') THEN 1 END, CASE WHEN status = 'approved' THEN 1 + n % (12 * :teams) END,
       CASE WHEN status = 'approved' THEN 10000 + n END, now() - make_interval(mins => 10 * (:requests - n))
FROM generate_series(1, :requests) n
CROSS JOIN LATERAL (SELECT (ARRAY['open', 'approved', 'refused', 'cancelled'])[1 + n % 4] AS status) state
JOIN fund_accounts account ON account.id = 1 + n % :accounts ORDER BY n;
UPDATE fund_budgets SET used_minor = taken FROM (
    SELECT budget_id, sum(budget_minor) AS taken FROM fund_requests WHERE budget_id IS NOT NULL GROUP BY 1) used
WHERE id = budget_id;
INSERT INTO fund_rates (base, quote, day, rate_e9, created_at)
SELECT base, 'USD', current_date - ago, 1100000000 + ago, now()
FROM unnest(ARRAY['EUR', 'GBP', 'PLN', 'UAH']) base, generate_series(0, 364) ago;

INSERT INTO audit_log (at, actor_id, actor_name, address, via, verb, resource, resource_id, before, after)
SELECT now() - make_interval(secs => 60 * (:audited - n)), 1 + n % :users, 'user' || 1 + n % :users, '192.0.2.' || n % 250,
       'api', (ARRAY['update', 'create', 'login', 'export'])[1 + n % 4],
       (ARRAY['users', 'teams', 'campaigns', 'fund_accounts'])[1 + n / 4 % 4], 1 + n % 1000,
       jsonb_build_object('name', 'before ' || n), jsonb_build_object('name', 'after ' || n)
FROM generate_series(1, :audited) n ORDER BY n;

-- The ledger. Its triggers update balances line by line. For the common accounts, that takes
-- quadratic time in one transaction. So window functions compute the sums instead, and the checks
-- below replace those of the triggers. Of ten entries of an account, the first tops it up by more
-- than the others spend.
SET LOCAL session_replication_role = replica;
INSERT INTO ledger_entries (id, at, day, kind, fund_account_id, currency, amount_minor, spent_minor, reference, actor_id,
                            content_hash)
SELECT n, at, at::date, CASE WHEN tops THEN 'top_up' ELSE 'spend' END, 1 + (n - 1) % :accounts, 'USD',
       CASE WHEN tops THEN 100000 ELSE 9000 + n % 1000 END, CASE WHEN tops THEN 0 ELSE 9000 + n % 1000 END,
       'line ' || n, 1, sha256(n::text::bytea)
FROM generate_series(1, :entries) n
CROSS JOIN LATERAL (SELECT (n - 1) / :accounts % 10 = 0 AS tops,
                           now() - interval '90 days' * ((:entries - n)::float8 / :entries) AS at) made
ORDER BY n;
INSERT INTO ledger_postings (entry_id, account_id, currency, amount_minor, balance_minor, at)
SELECT entry_id, account_id, 'USD', minor, sum(minor) OVER (PARTITION BY account_id ORDER BY entry_id), at
FROM (
    SELECT entry.id AS entry_id, account.id AS account_id, at,
           CASE WHEN (account.kind = 'ad_account') = (entry.kind = 'top_up') THEN amount_minor ELSE -amount_minor END AS minor
    FROM ledger_entries entry
    JOIN ledger_accounts account ON account.currency = 'USD' AND (account.fund_account_id = entry.fund_account_id
        OR account.kind = CASE entry.kind WHEN 'top_up' THEN 'bank' ELSE 'spend' END)
) lines ORDER BY entry_id, account_id;
UPDATE ledger_accounts SET balance_minor = sums.minor, last_at = sums.at
FROM (SELECT account_id, sum(amount_minor) AS minor, max(at) AS at FROM ledger_postings GROUP BY 1) sums
WHERE id = account_id;
INSERT INTO spend_references (fund_account_id, day, reference, entry_id)
SELECT fund_account_id, day, reference, id FROM ledger_entries WHERE kind = 'spend';
SELECT setval(pg_get_serial_sequence('ledger_entries', 'id'), :entries);
SET LOCAL session_replication_role = origin;
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger_entries entry JOIN ledger_postings ON entry_id = entry.id
               JOIN ledger_accounts account ON account.id = account_id
               GROUP BY entry.id, entry.kind, entry.amount_minor
               HAVING count(*) <> 2 OR sum(ledger_postings.amount_minor) <> 0
                   OR sum(ledger_postings.amount_minor) FILTER (WHERE account.kind = 'ad_account')
                       <> entry.amount_minor * CASE entry.kind WHEN 'top_up' THEN 1 ELSE -1 END)
        OR (SELECT count(*) FROM ledger_postings) <> 2 * :entries
        OR EXISTS (SELECT FROM ledger_postings JOIN ledger_accounts account ON account.id = account_id
                   WHERE ledger_postings.balance_minor < floor_minor) THEN
        RAISE EXCEPTION 'the filled ledger does not balance';
    END IF;
END
$$;
