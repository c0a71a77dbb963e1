-- Who stores a job's features: of two processes that run a job, because one was taken for dead, only the later one may.
ALTER TABLE planimeter.jobs ADD COLUMN storing text;
