-- What an image may be used for, and who is to be named with it, as whoever brought it says.
ALTER TABLE planimeter.scenes ADD COLUMN license text, ADD COLUMN attribution text;
