-- What the files of a scene and of a job take up in the store, by which a workspace's quota is reckoned. Of an image that is
-- read where it lies nothing is stored.
ALTER TABLE planimeter.scenes ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE planimeter.jobs ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
UPDATE planimeter.scenes SET stored_bytes = bytes WHERE state <> 'refused' AND report->'inPlace' IS NULL;
