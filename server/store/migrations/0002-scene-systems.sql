-- A point in a coordinate reference system given as text ("EPSG:CODE" or WKT), in degrees; null where PROJ does not
-- understand the system or cannot carry the point. Caught in here: of such an error at the top the embedded database says
-- nothing and gives no rows, and may mistake the next one; here it says that the function did not return.
CREATE FUNCTION planimeter.degrees_of(x double precision, y double precision, definition text)
RETURNS double precision[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  p geometry;
BEGIN
  p := ST_Transform(ST_MakePoint(x, y), definition, 4326);
  RETURN ARRAY[ST_X(p), ST_Y(p)];
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;
