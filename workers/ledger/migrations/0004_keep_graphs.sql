-- What was drawn, as JSON text, so that it can be opened again; empty where a definition was deployed.
ALTER TABLE ledger.deployments ADD COLUMN graph text;
-- For opening: the newest version of a name.
CREATE INDEX deployments_graphs ON ledger.deployments (name, version DESC) WHERE graph IS NOT NULL;
