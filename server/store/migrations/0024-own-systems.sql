-- Rows of spatial_ref_sys that are ours: a dump of our schemas, which any login can restore, holds nothing of PostGIS.
CREATE TABLE planimeter.coordinate_systems (
  srid       integer PRIMARY KEY,
  auth_name  text,
  auth_srid  integer,
  srtext     text
);
INSERT INTO planimeter.coordinate_systems
SELECT srid, auth_name, auth_srid, srtext FROM spatial_ref_sys
 WHERE srid BETWEEN 910000 AND 998999 OR (srtext IS NULL AND proj4text IS NULL AND auth_name = 'EPSG');
