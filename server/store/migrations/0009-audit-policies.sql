-- Also what is shared, and what was done, is seen from its own workspace alone.
ALTER TABLE planimeter.shares ALTER COLUMN workspace SET DEFAULT coalesce(planimeter.current_workspace(), 'default');
ALTER TABLE planimeter.shares ENABLE ROW LEVEL SECURITY;
ALTER TABLE planimeter.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON planimeter.shares
  USING (workspace = planimeter.current_workspace() AND planimeter.current_job() IS NULL);
CREATE POLICY workspace ON planimeter.audit
  USING (workspace = planimeter.current_workspace() AND planimeter.current_job() IS NULL);
