-- Scenes, jobs and the features that jobs find. Geometry is in EPSG:4326, lengths in metres, areas geodesic in m².
CREATE EXTENSION IF NOT EXISTS postgis;

CREATE TABLE planimeter.scenes (
  id          text PRIMARY KEY,
  name        text NOT NULL,
  state       text NOT NULL DEFAULT 'uploaded' CHECK (state IN ('uploaded', 'ingesting', 'ready', 'refused')),
  upload      text UNIQUE,
  sha256      text NOT NULL,
  bytes       bigint NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  progress    double precision NOT NULL DEFAULT 0,
  problem     jsonb,
  srs         text,
  epsg        integer,
  footprint   geometry(Geometry, 4326),
  bbox        double precision[],
  gsd_m       double precision,
  gsd_x_m     double precision,
  gsd_y_m     double precision,
  width       integer,
  height      integer,
  bands       integer,
  report      jsonb
);
CREATE INDEX scenes_sha256 ON planimeter.scenes (sha256);
CREATE INDEX scenes_created_at ON planimeter.scenes (created_at);

-- `key` is what features refer to: four bytes in each of their rows and index entries instead of thirty-seven.
CREATE TABLE planimeter.jobs (
  key         integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  id          text PRIMARY KEY,
  scene       text NOT NULL REFERENCES planimeter.scenes (id) ON DELETE CASCADE,
  model       text NOT NULL,
  parameters  jsonb NOT NULL DEFAULT '{}',
  state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  progress    jsonb NOT NULL DEFAULT '{"stage": "plan", "done": 0, "total": 0, "share": 0}',
  problem     jsonb,
  report      jsonb,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at  timestamptz,
  finished_at timestamptz
);
CREATE INDEX jobs_scene ON planimeter.jobs (scene);
CREATE INDEX jobs_created_at ON planimeter.jobs (created_at);

-- Features belong to the public only while their job is 'done'. Level 0 is what was found; level n is land use for
-- maps of a smaller scale (a pixel there is 2^n pixels of the class map wide): fewer vertices, small regions given away,
-- still a coverage. Their job exists because who inserts them locks its
-- row, and they go with it by a trigger: a foreign key would look it up again for each of a million features.
CREATE TABLE planimeter.features (
  job         integer NOT NULL,
  level       smallint NOT NULL DEFAULT 0,
  collection  text NOT NULL,
  id          uuid NOT NULL,
  class       text NOT NULL,
  score       real NOT NULL,
  area_m2     double precision NOT NULL,
  perimeter_m double precision,
  length_m    double precision,
  geom        geometry(Geometry, 4326) NOT NULL,
  properties  jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (job, collection, level, id)
);
CREATE INDEX features_page ON planimeter.features (collection, id, job) WHERE level = 0;
CREATE INDEX features_geom ON planimeter.features USING gist (geom);

CREATE FUNCTION planimeter.delete_features_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM planimeter.features WHERE job = OLD.key;
  RETURN NULL;
END
$$;
CREATE TRIGGER delete_features AFTER DELETE ON planimeter.jobs
  FOR EACH ROW EXECUTE FUNCTION planimeter.delete_features_of_job();

-- What a published job found, summed up when it is published, so that counts need not read the features.
CREATE TABLE planimeter.job_totals (
  job         integer NOT NULL REFERENCES planimeter.jobs (key) ON DELETE CASCADE,
  collection  text NOT NULL,
  class       text NOT NULL,
  count       integer NOT NULL,
  area_m2     double precision NOT NULL,
  bbox        double precision[] NOT NULL,
  PRIMARY KEY (job, collection, class)
);

-- Points between two coordinate reference systems; those that the projection cannot carry come back as NaN.
-- ST_Transform raises for the whole set when one point is beyond the projection's domain, so only then are they
-- tried one by one.
CREATE FUNCTION planimeter.transform_points(xs double precision[], ys double precision[], source integer, target integer,
                                            OUT out_x double precision[], OUT out_y double precision[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
  p geometry;
BEGIN
  BEGIN
    SELECT array_agg(ST_X(t.g) ORDER BY t.i), array_agg(ST_Y(t.g) ORDER BY t.i) INTO out_x, out_y
      FROM (SELECT i, ST_Transform(ST_SetSRID(ST_MakePoint(x, y), source), target) AS g
              FROM unnest(xs, ys) WITH ORDINALITY AS u(x, y, i)) t;
    RETURN;
  EXCEPTION WHEN internal_error OR invalid_parameter_value OR data_exception THEN
    NULL;
  END;
  out_x := xs;
  out_y := ys;
  FOR i IN 1 .. cardinality(xs) LOOP
    BEGIN
      p := ST_Transform(ST_SetSRID(ST_MakePoint(xs[i], ys[i]), source), target);
      out_x[i] := ST_X(p);
      out_y[i] := ST_Y(p);
    EXCEPTION WHEN internal_error OR invalid_parameter_value OR data_exception THEN
      out_x[i] := 'NaN';
      out_y[i] := 'NaN';
    END;
  END LOOP;
END
$$;
