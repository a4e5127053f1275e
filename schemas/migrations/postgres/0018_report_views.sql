-- Saved reports: a name for the address of a report, of one user or, if an Owner publishes it, for
-- everybody. Each user may have one of them as their start.

CREATE TABLE report_views
(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 100),
    query text NOT NULL CHECK (length(query) <= 8192),
    is_published boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX report_views_name ON report_views (user_id, lower(name));
CREATE INDEX report_views_published ON report_views (name) WHERE is_published;

CREATE TABLE starred_report_views
(
    user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    view_id bigint NOT NULL REFERENCES report_views (id) ON DELETE CASCADE
);

CREATE INDEX starred_report_views_view ON starred_report_views (view_id);
