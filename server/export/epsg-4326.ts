/** EPSG:4326 as PROJJSON (https://proj.org/specifications/projjson.html), which GeoParquet carries. */
const axis = (name: string, abbreviation: string, direction: string) => ({
  name,
  abbreviation,
  direction,
  unit: 'degree',
});

export const EPSG_4326 = {
  $schema: 'https://proj.org/schemas/v0.7/projjson.schema.json',
  type: 'GeographicCRS',
  name: 'WGS 84',
  datum: {
    type: 'GeodeticReferenceFrame',
    name: 'World Geodetic System 1984',
    ellipsoid: { name: 'WGS 84', semi_major_axis: 6378137, inverse_flattening: 298.257223563 },
  },
  coordinate_system: {
    subtype: 'ellipsoidal',
    axis: [axis('Geodetic latitude', 'Lat', 'north'), axis('Geodetic longitude', 'Lon', 'east')],
  },
  id: { authority: 'EPSG', code: 4326 },
};
