-- Workspaces: scenes and jobs belong to one, features and sums to that of their job. What requests do is done by a role
-- that these policies bind (see confinement.ts, which makes it): its session names the workspace, and may name one job
-- beyond which nothing is seen. The owner of the tables, who works for all, is not bound.
CREATE FUNCTION planimeter.current_workspace() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('planimeter.workspace', true), '')
$$;
CREATE FUNCTION planimeter.current_job() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('planimeter.job', true), '')
$$;

ALTER TABLE planimeter.scenes
  ADD COLUMN workspace text NOT NULL DEFAULT coalesce(planimeter.current_workspace(), 'default'),
  ADD CONSTRAINT scenes_workspace UNIQUE (id, workspace);
ALTER TABLE planimeter.jobs
  ADD COLUMN workspace text NOT NULL DEFAULT coalesce(planimeter.current_workspace(), 'default'),
  DROP CONSTRAINT jobs_scene_fkey,
  -- Checks of foreign keys are not bound by policies: with the workspace in it, none tells of another's scene.
  ADD CONSTRAINT jobs_scene_fkey FOREIGN KEY (scene, workspace) REFERENCES planimeter.scenes (id, workspace) ON DELETE CASCADE;
ALTER TABLE planimeter.tokens ADD COLUMN workspace text NOT NULL DEFAULT 'default';
CREATE INDEX scenes_workspace_created_at ON planimeter.scenes (workspace, created_at);
CREATE INDEX jobs_workspace_created_at ON planimeter.jobs (workspace, created_at);

ALTER TABLE planimeter.scenes ENABLE ROW LEVEL SECURITY;
ALTER TABLE planimeter.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE planimeter.features ENABLE ROW LEVEL SECURITY;
ALTER TABLE planimeter.job_totals ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON planimeter.jobs
  USING (workspace = planimeter.current_workspace() AND (planimeter.current_job() IS NULL OR id = planimeter.current_job()));
-- Within the next three the policy of the jobs holds.
CREATE POLICY workspace ON planimeter.scenes
  USING (workspace = planimeter.current_workspace()
         AND (planimeter.current_job() IS NULL
              OR EXISTS (SELECT FROM planimeter.jobs WHERE jobs.scene = scenes.id)));
CREATE POLICY workspace ON planimeter.features
  USING (EXISTS (SELECT FROM planimeter.jobs WHERE jobs.key = features.job));
CREATE POLICY workspace ON planimeter.job_totals
  USING (EXISTS (SELECT FROM planimeter.jobs WHERE jobs.key = job_totals.job));

-- When it runs, the job is gone that says whose the features are; so it runs as the owner.
ALTER FUNCTION planimeter.delete_features_of_job() SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- Links by which anybody sees one job; only the hash of what is secret in them is kept.
CREATE TABLE planimeter.shares (
  id          uuid PRIMARY KEY,
  workspace   text NOT NULL,
  job         text NOT NULL REFERENCES planimeter.jobs (id) ON DELETE CASCADE,
  sha256      text NOT NULL UNIQUE,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz
);
CREATE INDEX shares_job ON planimeter.shares (job);

-- Who did what. Rows are added and never changed.
CREATE TABLE planimeter.audit (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  workspace  text NOT NULL,
  actor      text NOT NULL,
  action     text NOT NULL,
  subject    text NOT NULL,
  details    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_workspace ON planimeter.audit (workspace, id);
CREATE INDEX audit_action ON planimeter.audit (workspace, action, at);
CREATE FUNCTION planimeter.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are added and never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON planimeter.audit
  FOR EACH STATEMENT EXECUTE FUNCTION planimeter.refuse_change();
