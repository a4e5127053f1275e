-- The demo's money has books of its own: it is removed with the demo, and no real balance ever counted it. Real entries
-- stay append-only.

-- Set with the account's first buyer, and never changed.
ALTER TABLE fund_accounts ADD COLUMN is_demo boolean NOT NULL DEFAULT false;
ALTER TABLE ledger_accounts ADD COLUMN is_demo boolean NOT NULL DEFAULT false;
ALTER TABLE fund_rates ADD COLUMN is_demo boolean NOT NULL DEFAULT false;

DROP INDEX ledger_accounts_common;
CREATE UNIQUE INDEX ledger_accounts_common ON ledger_accounts (kind, currency, is_demo) WHERE fund_account_id IS NULL;

CREATE OR REPLACE FUNCTION check_fund_buyer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_demo boolean;
BEGIN
    -- Locked: the position stays what it is until this is committed.
    SELECT is_demo INTO of_demo FROM users WHERE id = NEW.buyer_id AND position = 'Buyer' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an ad account is a Buyer''s'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_accounts_of_buyers';
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.is_demo := of_demo;
    ELSIF NEW.is_demo <> of_demo THEN
        RAISE EXCEPTION 'real and demo money stay apart'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_accounts_of_buyers';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION open_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_accounts (kind, currency, is_demo)
    VALUES ('bank', NEW.currency, NEW.is_demo), ('fees', NEW.currency, NEW.is_demo),
           ('spend', NEW.currency, NEW.is_demo)
    ON CONFLICT DO NOTHING;
    INSERT INTO ledger_accounts (kind, currency, fund_account_id, floor_minor, is_demo)
    VALUES ('ad_account', NEW.currency, NEW.id, -NEW.credit_limit_minor, NEW.is_demo);
    -- From the beginning of time: whatever was there before was this buyer's.
    INSERT INTO fund_account_buyers (fund_account_id, buyer_id, during)
    VALUES (NEW.id, NEW.buyer_id, tstzrange('epoch', NULL));
    RETURN NULL;
END
$$;

CREATE TRIGGER fund_accounts_demo_stays BEFORE UPDATE OF is_demo ON fund_accounts
    FOR EACH ROW WHEN (NEW.is_demo <> OLD.is_demo) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_accounts_demo_stays BEFORE UPDATE OF is_demo ON ledger_accounts
    FOR EACH ROW WHEN (NEW.is_demo <> OLD.is_demo) EXECUTE FUNCTION refuse_change();

-- Entries and postings are the demo's if their ad account is.
CREATE FUNCTION refuse_deletion_of_real() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_demo boolean;
BEGIN
    IF TG_TABLE_NAME = 'ledger_entries' THEN
        SELECT is_demo INTO of_demo FROM fund_accounts WHERE id = OLD.fund_account_id;
    ELSE
        SELECT is_demo INTO of_demo FROM ledger_accounts WHERE id = OLD.account_id;
    END IF;
    IF of_demo THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

DROP TRIGGER ledger_entries_append_only ON ledger_entries;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_stay BEFORE DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_real();
DROP TRIGGER ledger_postings_append_only ON ledger_postings;
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_stay BEFORE DELETE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_real();
DROP TRIGGER ledger_accounts_stay ON ledger_accounts;
CREATE TRIGGER ledger_accounts_stay BEFORE DELETE ON ledger_accounts
    FOR EACH ROW WHEN (NOT OLD.is_demo) EXECUTE FUNCTION refuse_change();
