-- A form that was sent after its session had ended is found by the secret that it carries.

CREATE INDEX sessions_csrf ON sessions (csrf);
