-- A geometry in another coordinate reference system; null where that system's projection cannot carry it. Caught in here
-- as in 0002: of such an error at the top the embedded database says nothing and gives no rows.
CREATE FUNCTION planimeter.geometry_in(g geometry, srid integer) RETURNS geometry LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ST_Transform(g, srid);
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;
