-- When a definition was first registered, which its text need not say; and payloads that lie outside of the rows.

ALTER TABLE workflow_def ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN workflow_def.created_at IS 'When this version was first registered; the body has its own createTime, which a client may set.';

CREATE TABLE external_payload (
    key text PRIMARY KEY,
    body bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE external_payload IS 'Inputs and outputs too large for a run''s own rows, by the path under which they are known; as they came.';
CREATE INDEX external_payload_age ON external_payload (stored_at);
COMMENT ON INDEX external_payload_age IS 'external_payload.prune: the oldest ones.';
