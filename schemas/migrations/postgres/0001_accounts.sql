-- Accounts: people, their teams over time, and what proves who they are. Applied by `sluice-api migrate`.
--
-- Expand/contract: later migrations add; a column is dropped a release after the last binary that reads it.

-- For the exclusion constraint on memberships: equality of numbers beside overlap of ranges in one index.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE users
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL CHECK (char_length(username) BETWEEN 1 AND 150),
    -- The username in lower case, folded by the service, so that uniqueness does not hang on the cluster's locale.
    username_key text COLLATE "C" NOT NULL CONSTRAINT users_username_unique UNIQUE,
    email text NOT NULL DEFAULT '',
    -- argon2id as a PHC string.
    password_hash text NOT NULL,
    first_name text NOT NULL DEFAULT '' CHECK (char_length(first_name) <= 30),
    last_name text NOT NULL DEFAULT '' CHECK (char_length(last_name) <= 30),
    position text NOT NULL DEFAULT 'Buyer'
        CONSTRAINT users_position_known CHECK (position IN ('Buyer', 'Team Lead', 'Funds Coordinator', 'Owner')),
    is_active boolean NOT NULL DEFAULT true,
    is_demo boolean NOT NULL DEFAULT false,
    -- An IANA name: the zone in which this person's pages show times and days.
    time_zone text NOT NULL DEFAULT 'UTC',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login timestamptz
);

CREATE TABLE teams
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    lead_id bigint REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A team with history is archived, not erased.
    archived_at timestamptz,
    is_demo boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX teams_lead_unique ON teams (lead_id) WHERE archived_at IS NULL;
CREATE INDEX teams_name ON teams (name, id);

-- Who was in which team, and when. An open period is a present membership; moving ends one period and begins another, so
-- that events keep the team that their buyer was in at their time.
CREATE TABLE memberships
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id bigint NOT NULL REFERENCES teams (id),
    user_id bigint NOT NULL REFERENCES users (id),
    during tstzrange NOT NULL DEFAULT tstzrange(now(), NULL),
    CONSTRAINT memberships_period_real CHECK (NOT isempty(during) AND NOT lower_inf(during)),
    CONSTRAINT memberships_one_team_at_a_time EXCLUDE USING gist (user_id WITH =, during WITH &&)
);

CREATE INDEX memberships_team ON memberships (team_id);

-- A browser that is logged in. Only the hash of its cookie is kept.
CREATE TABLE sessions
(
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The secret that every form of this session carries.
    csrf bytea NOT NULL CHECK (octet_length(csrf) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    address text NOT NULL DEFAULT '',
    agent text NOT NULL DEFAULT ''
);

CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- One login of a program: its access tokens name this family, and its refresh tokens follow one another in it.
-- Revoking it ends them all at once.
CREATE TABLE token_families
(
    id uuid PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    address text NOT NULL DEFAULT '',
    agent text NOT NULL DEFAULT ''
);

CREATE INDEX token_families_user ON token_families (user_id);

-- Each is good for one exchange; one that is offered again was copied, and ends its family.
CREATE TABLE refresh_tokens
(
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    family_id uuid NOT NULL REFERENCES token_families (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
