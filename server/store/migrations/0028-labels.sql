-- What people draw on scenes to teach networks by: points, strokes and areas of a class. One that was taken back keeps
-- its row without its shape, so that how many there are and were tells whether anything has changed.
CREATE TABLE planimeter.labels (
  id          uuid PRIMARY KEY,
  workspace   text NOT NULL DEFAULT coalesce(planimeter.current_workspace(), 'default'),
  scene       text NOT NULL,
  class       text NOT NULL,
  width_m     double precision CHECK (width_m > 0),
  geom        geometry(Geometry, 4326),
  author      text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  deleted_at  timestamptz,
  CHECK ((geom IS NULL) = (deleted_at IS NOT NULL)),
  FOREIGN KEY (scene, workspace) REFERENCES planimeter.scenes (id, workspace) ON DELETE CASCADE
);
CREATE INDEX labels_scene ON planimeter.labels (scene, created_at);
CREATE INDEX labels_workspace ON planimeter.labels (workspace) WHERE deleted_at IS NULL;

ALTER TABLE planimeter.labels ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON planimeter.labels
  USING (workspace = planimeter.current_workspace() AND planimeter.current_job() IS NULL);
