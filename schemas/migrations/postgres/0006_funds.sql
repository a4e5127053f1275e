-- The money that buys traffic: ad accounts, budgets, requests, rates of exchange, and the ledger.
--
-- All amounts are whole minor units of their currency (ISO 4217) below 10^15, so that no sum of them leaves a bigint.
--
-- Locks are taken in this order: fund_requests, fund_budgets, fund_accounts, ledger_accounts (by id).

CREATE TABLE fund_accounts
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    source_id bigint CONSTRAINT fund_accounts_source REFERENCES sources (id),
    -- Whose account it is, and since when; fund_account_buyers has the past.
    buyer_id bigint NOT NULL REFERENCES users (id),
    buyer_since timestamptz NOT NULL,
    -- Never changed: the ledger counts in it.
    currency text NOT NULL CONSTRAINT fund_accounts_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    state text NOT NULL DEFAULT 'active'
        CONSTRAINT fund_accounts_state_known CHECK (state IN ('active', 'paused', 'banned', 'closed')),
    -- How far below zero spend may take it: networks bill some spend after the money is gone.
    credit_limit_minor bigint NOT NULL DEFAULT 0
        CONSTRAINT fund_accounts_credit_limit CHECK (credit_limit_minor >= 0 AND credit_limit_minor < 1000000000000000),
    -- A runway of fewer days is low.
    low_runway_days integer NOT NULL DEFAULT 3
        CONSTRAINT fund_accounts_low_runway CHECK (low_runway_days BETWEEN 0 AND 365),
    created_at timestamptz NOT NULL,
    -- An account has a history: it is archived, not erased.
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX fund_accounts_name_unique ON fund_accounts (lower(name)) WHERE archived_at IS NULL;
CREATE INDEX fund_accounts_buyer ON fund_accounts (buyer_id, id);
CREATE INDEX fund_accounts_listed ON fund_accounts (lower(name), id) WHERE archived_at IS NULL;

CREATE TABLE fund_account_buyers
(
    fund_account_id bigint NOT NULL REFERENCES fund_accounts (id),
    buyer_id bigint NOT NULL REFERENCES users (id),
    during tstzrange NOT NULL,
    CONSTRAINT fund_account_buyers_period_real CHECK (NOT isempty(during) AND NOT lower_inf(during)),
    CONSTRAINT fund_account_buyers_one_at_a_time EXCLUDE USING gist (fund_account_id WITH =, during WITH &&)
);

CREATE INDEX fund_account_buyers_buyer ON fund_account_buyers (buyer_id);

CREATE TABLE fund_rates
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base text NOT NULL CHECK (base ~ '^[A-Z]{3}$'),
    quote text NOT NULL CHECK (quote ~ '^[A-Z]{3}$'),
    day date NOT NULL,
    -- What one unit of base is in quote, in billionths.
    rate_e9 bigint NOT NULL CHECK (rate_e9 > 0),
    created_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT fund_rates_two_currencies CHECK (base <> quote),
    CONSTRAINT fund_rates_one_a_day UNIQUE (base, quote, day)
);

CREATE INDEX fund_rates_listed ON fund_rates (day DESC, id DESC);

CREATE TABLE fund_budgets
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id bigint NOT NULL REFERENCES teams (id),
    -- The month's first day.
    month date NOT NULL CONSTRAINT fund_budgets_month_form CHECK (extract(day FROM month) = 1),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor < 1000000000000000),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- What was approved within it.
    used_minor bigint NOT NULL DEFAULT 0 CHECK (used_minor >= 0),
    created_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT fund_budgets_one_a_month UNIQUE (team_id, month),
    CONSTRAINT fund_budgets_kept CHECK (used_minor <= amount_minor)
);

CREATE INDEX fund_budgets_listed ON fund_budgets (month DESC, id DESC);

CREATE TABLE fund_requests
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fund_account_id bigint NOT NULL REFERENCES fund_accounts (id),
    -- Who has the money to spend, which is not who asked where an Owner did.
    buyer_id bigint NOT NULL REFERENCES users (id),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor < 1000000000000000),
    currency text NOT NULL,
    purpose text NOT NULL CHECK (char_length(purpose) BETWEEN 1 AND 500),
    status text NOT NULL DEFAULT 'open' CONSTRAINT fund_requests_status_known
        CHECK (status IN ('open', 'approved', 'refused', 'cancelled', 'topped_up')),
    decided_by bigint REFERENCES users (id),
    decided_at timestamptz,
    reason text NOT NULL DEFAULT '',
    budget_id bigint REFERENCES fund_budgets (id),
    -- What it takes of the budget, in the budget's currency.
    budget_minor bigint CHECK (budget_minor > 0),
    created_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT fund_requests_budgeted
        CHECK ((status IN ('approved', 'topped_up')) = (budget_id IS NOT NULL AND budget_minor IS NOT NULL)),
    CONSTRAINT fund_requests_decided CHECK (status IN ('open', 'cancelled') OR decided_by IS NOT NULL)
);

CREATE INDEX fund_requests_listed ON fund_requests (created_at DESC, id DESC);
CREATE INDEX fund_requests_buyer ON fund_requests (buyer_id, created_at DESC, id DESC);
CREATE INDEX fund_requests_account ON fund_requests (fund_account_id, created_at DESC, id DESC);
CREATE INDEX fund_requests_budget ON fund_requests (budget_id) WHERE budget_id IS NOT NULL;

-- Where money is: outside (bank), in an ad account, spent, or paid in fees. A positive balance is money that is there, or
-- went there.
CREATE TABLE ledger_accounts
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('bank', 'ad_account', 'spend', 'fees')),
    currency text NOT NULL,
    fund_account_id bigint CONSTRAINT ledger_accounts_fund_account UNIQUE REFERENCES fund_accounts (id),
    -- The sum of the postings: kept by their trigger, and by nobody else.
    balance_minor bigint NOT NULL DEFAULT 0
        CONSTRAINT ledger_accounts_bounded CHECK (abs(balance_minor) < 1000000000000000000),
    -- The balance may not be less. NULL: it may be anything.
    floor_minor bigint,
    last_at timestamptz NOT NULL DEFAULT 'epoch',
    CONSTRAINT ledger_accounts_floor CHECK (balance_minor >= floor_minor),
    CONSTRAINT ledger_accounts_kind_owner
        CHECK ((kind = 'ad_account') = (fund_account_id IS NOT NULL AND floor_minor IS NOT NULL)),
    CONSTRAINT ledger_accounts_currency UNIQUE (id, currency)
);

CREATE UNIQUE INDEX ledger_accounts_common ON ledger_accounts (kind, currency) WHERE fund_account_id IS NULL;

CREATE TABLE ledger_entries
(
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    -- When it was entered: balances at a moment count by it, so that no later entry changes a past balance. Not before
    -- any other of its accounts.
    at timestamptz NOT NULL,
    -- The day on which the money moved, as the network or the bank says.
    day date NOT NULL,
    kind text NOT NULL CONSTRAINT ledger_entries_kind_known CHECK (kind IN ('top_up', 'spend', 'return', 'reversal')),
    fund_account_id bigint NOT NULL REFERENCES fund_accounts (id),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor < 1000000000000000),
    fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0 AND fee_minor < 1000000000000000),
    -- What it adds to the account's spend: a reversal takes away.
    spent_minor bigint NOT NULL,
    request_id bigint CONSTRAINT ledger_entries_one_a_request UNIQUE REFERENCES fund_requests (id),
    reverses_id bigint CONSTRAINT ledger_entries_reversed_once UNIQUE REFERENCES ledger_entries (id),
    reference text NOT NULL DEFAULT '' CHECK (char_length(reference) <= 100),
    note text NOT NULL DEFAULT '' CHECK (char_length(note) <= 500),
    actor_id bigint NOT NULL REFERENCES users (id),
    -- What the client called this request, and the SHA-256 of what it asked for.
    idempotency_key text CHECK (char_length(idempotency_key) <= 200),
    content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    -- An entry's postings are written with it, and none afterwards.
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT ledger_entries_idempotent UNIQUE (actor_id, idempotency_key),
    CONSTRAINT ledger_entries_currency UNIQUE (id, currency),
    CONSTRAINT ledger_entries_reverse_something CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL)),
    CONSTRAINT ledger_entries_requests_are_topped_up CHECK (request_id IS NULL OR kind = 'top_up')
);

CREATE INDEX ledger_entries_at ON ledger_entries (at, id);
CREATE INDEX ledger_entries_account ON ledger_entries (fund_account_id, at, id);
CREATE INDEX ledger_entries_spend ON ledger_entries (fund_account_id, day) INCLUDE (spent_minor, at) WHERE spent_minor <> 0;

CREATE TABLE ledger_postings
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id bigint NOT NULL,
    account_id bigint NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    -- The account's balance with it, and the entry's time: set by the trigger.
    balance_minor bigint NOT NULL,
    at timestamptz NOT NULL,
    -- One currency in an entry and its accounts.
    FOREIGN KEY (entry_id, currency) REFERENCES ledger_entries (id, currency),
    FOREIGN KEY (account_id, currency) REFERENCES ledger_accounts (id, currency)
);

CREATE INDEX ledger_postings_entry ON ledger_postings (entry_id);
CREATE INDEX ledger_postings_at ON ledger_postings (at, id);
CREATE INDEX ledger_postings_account ON ledger_postings (account_id, at, id) INCLUDE (balance_minor);

-- Which spend of an account and day is entered, by the network's reference. A reversal takes its spend out of here, so
-- that it can be entered again as it should have been.
CREATE TABLE spend_references
(
    fund_account_id bigint NOT NULL REFERENCES fund_accounts (id),
    day date NOT NULL,
    reference text NOT NULL,
    entry_id bigint NOT NULL UNIQUE REFERENCES ledger_entries (id),
    CONSTRAINT spend_references_once PRIMARY KEY (fund_account_id, day, reference)
);

CREATE FUNCTION check_fund_buyer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Locked: the position stays what it is until this is committed.
    PERFORM FROM users WHERE id = NEW.buyer_id AND position = 'Buyer' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an ad account is a Buyer''s'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_accounts_of_buyers';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER fund_accounts_new_buyer BEFORE INSERT ON fund_accounts
    FOR EACH ROW EXECUTE FUNCTION check_fund_buyer();
CREATE TRIGGER fund_accounts_other_buyer BEFORE UPDATE OF buyer_id ON fund_accounts
    FOR EACH ROW WHEN (NEW.buyer_id IS DISTINCT FROM OLD.buyer_id) EXECUTE FUNCTION check_fund_buyer();

-- An ad account's place in the ledger, and its currency's common ones.
CREATE FUNCTION open_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_accounts (kind, currency)
    VALUES ('bank', NEW.currency), ('fees', NEW.currency), ('spend', NEW.currency)
    ON CONFLICT DO NOTHING;
    INSERT INTO ledger_accounts (kind, currency, fund_account_id, floor_minor)
    VALUES ('ad_account', NEW.currency, NEW.id, -NEW.credit_limit_minor);
    -- From the beginning of time: whatever was there before was this buyer's.
    INSERT INTO fund_account_buyers (fund_account_id, buyer_id, during)
    VALUES (NEW.id, NEW.buyer_id, tstzrange('epoch', NULL));
    RETURN NULL;
END
$$;

CREATE TRIGGER fund_accounts_open_ledger AFTER INSERT ON fund_accounts
    FOR EACH ROW EXECUTE FUNCTION open_ledger();

CREATE FUNCTION follow_fund_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz;
BEGIN
    IF NEW.currency <> OLD.currency THEN
        RAISE EXCEPTION 'the currency of an ad account stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_accounts_currency_stays';
    END IF;
    UPDATE ledger_accounts SET floor_minor = -NEW.credit_limit_minor
    WHERE fund_account_id = NEW.id AND floor_minor <> -NEW.credit_limit_minor;
    IF NEW.buyer_id <> OLD.buyer_id THEN
        -- A period that would be empty never was.
        DELETE FROM fund_account_buyers
        WHERE fund_account_id = NEW.id AND upper_inf(during) AND lower(during) >= NEW.buyer_since;
        UPDATE fund_account_buyers SET during = tstzrange(lower(during), NEW.buyer_since)
        WHERE fund_account_id = NEW.id AND upper_inf(during);
        SELECT greatest(NEW.buyer_since, max(upper(during))) INTO since
        FROM fund_account_buyers WHERE fund_account_id = NEW.id;
        INSERT INTO fund_account_buyers (fund_account_id, buyer_id, during)
        VALUES (NEW.id, NEW.buyer_id, tstzrange(since, NULL));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER fund_accounts_follow AFTER UPDATE ON fund_accounts
    FOR EACH ROW EXECUTE FUNCTION follow_fund_account();

-- A posting moves its account's balance. The update locks the account, and the account's own constraints refuse what it
-- may not hold, whoever else posts at the same time.
CREATE FUNCTION apply_posting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry_transaction xid8;
BEGIN
    SELECT at, transaction INTO NEW.at, entry_transaction FROM ledger_entries WHERE id = NEW.entry_id;
    IF entry_transaction IS DISTINCT FROM pg_current_xact_id() THEN
        RAISE EXCEPTION 'an entry gets no postings after it was written'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_whole';
    END IF;
    UPDATE ledger_accounts SET balance_minor = balance_minor + NEW.amount_minor, last_at = NEW.at
    WHERE id = NEW.account_id AND last_at <= NEW.at
    RETURNING balance_minor INTO NEW.balance_minor;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an account''s postings follow one another in time'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_postings_in_order';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER ledger_postings_apply BEFORE INSERT ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION apply_posting();

-- At the commit an entry has at least two postings that come to zero, and moves its ad account by its amount; a reversal
-- and what it reverses come to nothing in every account. There is no reversal of a reversal.
CREATE FUNCTION check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved numeric := (SELECT coalesce(sum(posting.amount_minor), 0) FROM ledger_postings posting
                      JOIN ledger_accounts account ON account.id = account_id
                      WHERE entry_id = NEW.id AND account.fund_account_id = NEW.fund_account_id);
    broken text;
BEGIN
    IF (SELECT count(*) < 2 OR sum(amount_minor) <> 0 FROM ledger_postings WHERE entry_id = NEW.id) THEN
        broken := 'ledger_entries_balanced';
    ELSIF abs(moved) <> NEW.amount_minor OR (NEW.kind = 'top_up' AND moved < 0)
        OR (NEW.kind IN ('spend', 'return') AND moved > 0) THEN
        broken := 'ledger_entries_amount';
    ELSIF NEW.reverses_id IS NOT NULL AND (
        EXISTS (SELECT FROM ledger_entries WHERE id = NEW.reverses_id AND kind = 'reversal')
        OR EXISTS (SELECT FROM ledger_postings WHERE entry_id IN (NEW.id, NEW.reverses_id)
                   GROUP BY account_id HAVING sum(amount_minor) <> 0)) THEN
        broken := 'ledger_entries_reverse_exactly';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'entry % breaks %', NEW.id, broken USING ERRCODE = 'check_violation', CONSTRAINT = broken;
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER ledger_entries_check AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry();

CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE OR DELETE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_no_truncate BEFORE TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_accounts_stay BEFORE DELETE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
