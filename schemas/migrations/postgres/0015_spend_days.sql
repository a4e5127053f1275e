-- The home page of Funds Coordinators looks at the spend of all accounts in the last days.
CREATE INDEX ledger_entries_spend_days ON ledger_entries (day) INCLUDE (fund_account_id, spent_minor) WHERE spent_minor <> 0;
