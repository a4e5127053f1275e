-- Preferences of people, and their second factor: a secret for one-time codes (TOTP) and recovery codes.

ALTER TABLE users
    ADD COLUMN week_start text NOT NULL DEFAULT 'monday'
        CONSTRAINT users_week_start_known CHECK (week_start IN ('monday', 'sunday', 'saturday')),
    -- 'auto' follows the reader's system.
    ADD COLUMN theme text NOT NULL DEFAULT 'auto'
        CONSTRAINT users_theme_known CHECK (theme IN ('auto', 'light', 'dark')),
    ADD COLUMN shortcuts boolean NOT NULL DEFAULT true,
    ADD COLUMN report_currency text NOT NULL DEFAULT 'USD'
        CONSTRAINT users_report_currency_form CHECK (report_currency ~ '^[A-Z]{3}$'),
    -- Whether a login needs a code. In this table, so that a login that locks the row sees it.
    ADD COLUMN has_second_factor boolean NOT NULL DEFAULT false;

-- One secret per person. It is used once users.has_second_factor is true; until then it waits for its first code.
CREATE TABLE second_factors
(
    user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Encrypted by the service (api/src/http/auth/sealer.rs): a dump of the database has no codes.
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- The time step of the last accepted code. A code of this step or an earlier one is not accepted again.
    last_step bigint NOT NULL DEFAULT 0,
    -- Attempts since the last accepted code, and the time of the last one: they make the next one wait.
    n_attempts integer NOT NULL DEFAULT 0,
    attempted_at timestamptz
);

-- Each is good for one login. Only hashes are stored.
CREATE TABLE recovery_codes
(
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (user_id, code_hash)
);
