-- Who may use the service: of a token only its hash is kept. While there is none, who reaches the service may do all.
CREATE TABLE planimeter.tokens (
  id          uuid PRIMARY KEY,
  name        text NOT NULL,
  role        text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  sha256      text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at  timestamptz,
  revoked_at  timestamptz
);
