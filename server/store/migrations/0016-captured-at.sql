-- When a scene's image was taken, by which its features are asked for. Files give a clock without its zone, which is read
-- as UTC; null where they say nothing.
ALTER TABLE planimeter.scenes ADD COLUMN captured_at timestamptz GENERATED ALWAYS AS (
  CASE WHEN report->>'capturedAt' ~ '^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$'
       THEN make_timestamp(substr(report->>'capturedAt', 1, 4)::integer, substr(report->>'capturedAt', 6, 2)::integer,
                           substr(report->>'capturedAt', 9, 2)::integer, substr(report->>'capturedAt', 12, 2)::integer,
                           substr(report->>'capturedAt', 15, 2)::integer, substr(report->>'capturedAt', 18, 2)::double precision)
            AT TIME ZONE 'UTC' END) STORED;
