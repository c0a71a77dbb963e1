-- What the processes of one installation must agree on, by name.
CREATE TABLE planimeter.settings (
  name   text PRIMARY KEY,
  value  text NOT NULL
);
