-- Networks that give class codes alone say nothing of how sure they are of a feature.
ALTER TABLE planimeter.features ALTER COLUMN score DROP NOT NULL;
