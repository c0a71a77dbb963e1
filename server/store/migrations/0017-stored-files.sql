-- What every stored file is to hold, noted when it is stored and compared when it is read.
CREATE TABLE planimeter.stored_files (
  key        text COLLATE "C" PRIMARY KEY,
  bytes      bigint NOT NULL,
  sha256     text NOT NULL,
  checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  damage     text -- what was found when it was last compared; null: nothing
);
CREATE INDEX stored_files_damage ON planimeter.stored_files (key) WHERE damage IS NOT NULL;

-- What was published of a job's features, of all levels: their number, and a digest that no order of rows changes.
ALTER TABLE planimeter.jobs ADD COLUMN contents jsonb;
