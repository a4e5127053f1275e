-- What buyers run: campaigns with their tracking keys, where the visits are bought, who pays.

CREATE TABLE sources
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- The parameter in which the network passes its click id ('' = none), as `gclid`.
    click_id_param text NOT NULL DEFAULT '',
    -- Our parameter -> the network's macro, as {"sub1": "{zoneid}"}: what makes a campaign's pixel URL.
    macros jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(macros) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    is_demo boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX sources_name_unique ON sources (lower(name)) WHERE archived_at IS NULL;

CREATE TABLE partners
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- The currency of payouts that name none (ISO 4217).
    currency text NOT NULL DEFAULT 'USD' CONSTRAINT partners_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    -- The partner's word -> our group, as {"ok": "sale"}; beside the common words that everybody's are read by.
    status_map jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(status_map) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    is_demo boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX partners_name_unique ON partners (lower(name)) WHERE archived_at IS NULL;

CREATE TABLE campaigns
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    source_id bigint REFERENCES sources (id),
    partner_id bigint REFERENCES partners (id),
    state text NOT NULL DEFAULT 'active' CONSTRAINT campaigns_state_known CHECK (state IN ('active', 'paused')),
    -- Origins of the landing pages, and where an order's form may lead to, as https://shop.example.
    sites text[] NOT NULL DEFAULT '{}',
    redirects text[] NOT NULL DEFAULT '{}',
    -- What an order brings when nothing else says so, in minor units of the currency.
    payout_minor bigint CHECK (payout_minor >= 0),
    currency text NOT NULL DEFAULT 'USD' CONSTRAINT campaigns_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    tags text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A campaign with history is archived, not erased.
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    is_demo boolean NOT NULL DEFAULT false
);

CREATE INDEX campaigns_name ON campaigns (lower(name), id);
CREATE INDEX campaigns_source ON campaigns (source_id);
CREATE INDEX campaigns_partner ON campaigns (partner_id);

-- Whose campaign it was, and when: one that is handed over leaves its events with whom they were brought by. A campaign's
-- first period begins at the epoch, so that events that waited for the key find their buyer.
CREATE TABLE campaign_buyers
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES users (id),
    during tstzrange NOT NULL DEFAULT tstzrange('epoch', NULL),
    CONSTRAINT campaign_buyers_period_real CHECK (NOT isempty(during) AND NOT lower_inf(during)),
    CONSTRAINT campaign_buyers_one_at_a_time EXCLUDE USING gist (campaign_id WITH =, during WITH &&)
);

CREATE INDEX campaign_buyers_user ON campaign_buyers (user_id);

-- What pixels carry. Random, with a check character (`sluice_schemas::tracking_key`).
CREATE TABLE tracking_keys
(
    key text COLLATE "C" PRIMARY KEY CHECK (char_length(key) = 16),
    campaign_id bigint NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- From then on events that carry it are parked: the end of a rotation's grace time, or the moment of a revocation.
    expires_at timestamptz
);

CREATE INDEX tracking_keys_campaign ON tracking_keys (campaign_id, created_at);
