-- The bands of rows that the features of a job in shards are drawn in, each as soon as the shards are computed that it looks at.
CREATE TABLE planimeter.strips (
  job          text NOT NULL REFERENCES planimeter.jobs (id) ON DELETE CASCADE,
  strip        integer NOT NULL,
  first_shard  integer NOT NULL,
  last_shard   integer NOT NULL,
  result       jsonb, -- once it is drawn
  PRIMARY KEY (job, strip)
);
