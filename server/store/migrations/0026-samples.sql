-- Random samples of the maps of jobs, and what people saw at their points: by it areas and accuracies are estimated.
CREATE TABLE planimeter.samples (
  id          uuid PRIMARY KEY,
  job         text NOT NULL REFERENCES planimeter.jobs (id) ON DELETE CASCADE,
  design      jsonb NOT NULL, -- seed, strata with their pixels, and what was asked for
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX samples_job ON planimeter.samples (job, created_at);

CREATE TABLE planimeter.sample_points (
  sample     uuid NOT NULL REFERENCES planimeter.samples (id) ON DELETE CASCADE,
  number     integer NOT NULL, -- from 1, in the order in which they are looked at
  stratum    integer NOT NULL, -- of the design's
  second     boolean NOT NULL, -- whether a second person is to look at it
  x          integer NOT NULL, -- pixel of the model grid
  y          integer NOT NULL,
  lon        double precision NOT NULL, -- of its centre
  lat        double precision NOT NULL,
  handed_to  text, -- who is looking at it
  handed_at  timestamptz,
  PRIMARY KEY (sample, number)
);

CREATE TABLE planimeter.sample_answers (
  sample    uuid NOT NULL,
  point     integer NOT NULL,
  reviewer  text NOT NULL,
  given     bigint GENERATED ALWAYS AS IDENTITY, -- the order of answers
  class     text, -- null: cannot tell
  seconds   real,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (sample, point, reviewer),
  FOREIGN KEY (sample, point) REFERENCES planimeter.sample_points (sample, number) ON DELETE CASCADE
);

-- Within these the policy of the jobs holds.
ALTER TABLE planimeter.samples ENABLE ROW LEVEL SECURITY;
ALTER TABLE planimeter.sample_points ENABLE ROW LEVEL SECURITY;
ALTER TABLE planimeter.sample_answers ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON planimeter.samples
  USING (EXISTS (SELECT FROM planimeter.jobs WHERE jobs.id = samples.job));
CREATE POLICY workspace ON planimeter.sample_points
  USING (EXISTS (SELECT FROM planimeter.samples WHERE samples.id = sample_points.sample));
CREATE POLICY workspace ON planimeter.sample_answers
  USING (EXISTS (SELECT FROM planimeter.samples WHERE samples.id = sample_answers.sample));
