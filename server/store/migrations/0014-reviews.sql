-- How often people have said of a job's features that they are right or wrong: files that were made before are not given
-- away after it. What they said lies with each feature's properties.
ALTER TABLE planimeter.jobs ADD COLUMN reviews integer NOT NULL DEFAULT 0;
