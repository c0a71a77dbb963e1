-- A job that is computed in shards: its plan, which all machines follow, and what has become of each shard.
ALTER TABLE planimeter.jobs ADD COLUMN plan jsonb;
-- Jobs of a higher one are taken up first.
ALTER TABLE planimeter.jobs ADD COLUMN priority smallint NOT NULL DEFAULT 0;

CREATE TABLE planimeter.shards (
  job         text NOT NULL REFERENCES planimeter.jobs (id) ON DELETE CASCADE,
  shard       integer NOT NULL,
  chips       integer NOT NULL,
  chips_done  integer NOT NULL DEFAULT 0,
  result      jsonb, -- once it is computed
  PRIMARY KEY (job, shard)
);
