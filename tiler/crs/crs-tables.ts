/** Codes that geo keys use (EPSG registry; GeoTIFF 1.1, annex C) become the words and numbers of WKT 1. */

/** Name, semi-major axis in metres, inverse flattening (0: a sphere). */
export const ELLIPSOIDS: Readonly<Record<number, [name: string, majorMetres: number, inverseFlattening: number]>> = {
  7001: ['Airy 1830', 6377563.396, 299.3249646],
  7002: ['Airy Modified 1849', 6377340.189, 299.3249646],
  7003: ['Australian National Spheroid', 6378160, 298.25],
  7004: ['Bessel 1841', 6377397.155, 299.1528128],
  7006: ['Bessel Namibia', 6377483.865, 299.1528128],
  7008: ['Clarke 1866', 6378206.4, 294.978698213898],
  7011: ['Clarke 1880 (IGN)', 6378249.2, 293.466021293627],
  7012: ['Clarke 1880 (RGS)', 6378249.145, 293.465],
  7013: ['Clarke 1880 (Arc)', 6378249.145, 293.4663077],
  7015: ['Everest 1830 (1937 Adjustment)', 6377276.345, 300.8017],
  7016: ['Everest 1830 (1967 Definition)', 6377298.556, 300.8017],
  7018: ['Everest 1830 Modified', 6377304.063, 300.8017],
  7019: ['GRS 1980', 6378137, 298.257222101],
  7020: ['Helmert 1906', 6378200, 298.3],
  7021: ['Indonesian National Spheroid', 6378160, 298.247],
  7022: ['International 1924', 6378388, 297],
  7024: ['Krassowsky 1940', 6378245, 298.3],
  7025: ['NWL 9D', 6378145, 298.25],
  7029: ['War Office', 6378300, 296],
  7030: ['WGS 84', 6378137, 298.257223563],
  7035: ['Sphere', 6371000, 0],
  7036: ['GRS 1967', 6378160, 298.247167427],
  7043: ['WGS 72', 6378135, 298.26],
  7048: ['GRS 1980 Authalic Sphere', 6371007, 0],
  7049: ['IAG 1975', 6378140, 298.257],
  7050: ['GRS 1967 Modified', 6378160, 298.25],
  7052: ['Clarke 1866 Authalic Sphere', 6370997, 0],
  7059: ['Popular Visualisation Sphere', 6378137, 0],
};

/** Degrees east of Greenwich. */
export const PRIME_MERIDIANS: Readonly<Record<number, number>> = {
  8901: 0,
  8902: -9.131906111111,
  8903: 2.33722917,
  8904: -74.080916666667,
  8905: -3.687938888889,
  8906: 12.452333333333,
  8907: 7.439583333333,
  8908: 106.807719444444,
  8909: -17.666666666667,
  8910: 4.367975,
  8911: 18.058277777778,
  8912: 23.7163375,
  8913: 10.722916666667,
};

/** Radians in one; degrees in all their notations are left out. */
export const ANGULAR_UNITS: Readonly<Record<number, number>> = {
  9101: 1,
  9103: Math.PI / 180 / 60,
  9104: Math.PI / 180 / 3600,
  9105: Math.PI / 200,
  9106: Math.PI / 200,
};

/** Metres in one. */
export const LINEAR_UNITS: Readonly<Record<number, number>> = {
  9001: 1,
  9002: 0.3048,
  9003: 1200 / 3937,
  9005: 0.3047972654,
  9014: 1.8288,
  9030: 1852,
  9036: 1000,
  9037: 0.9143917962,
  9038: 20.1166195164,
  9040: 0.9143984146160287,
  9041: 0.3047994715386762,
  9042: 20.11676512155263,
  9060: 0.9143985307444408,
  9061: 0.9144,
  9062: 20.11678249437587,
  9070: 0.3048008333333334,
  9084: 0.91439853,
  9093: 1609.344,
  9094: 0.304799710181509,
  9096: 0.9144,
  9097: 20.1168,
};

/** What the keys give of a projection; angles in the geographic system's unit. */
interface Given {
  longitude: number;
  latitude: number;
  parallel1: number | null;
  parallel2: number | null;
  scale: number | null;
  azimuth: number;
  rectified: number | null;
}

type Method = (given: Given) => { name: string } & Record<string, string | number>;

const natural =
  (name: string): Method =>
  (given) => ({
    name,
    latitude_of_origin: given.latitude,
    central_meridian: given.longitude,
    scale_factor: given.scale ?? 1,
  });

const centred =
  (name: string): Method =>
  (given) => ({
    name,
    latitude_of_center: given.latitude,
    longitude_of_center: given.longitude,
  });

const hotine =
  (name: string): Method =>
  (given) => ({
    ...centred(name)(given),
    azimuth: given.azimuth,
    rectified_grid_angle: given.rectified ?? given.azimuth,
    scale_factor: given.scale ?? 1,
  });

const conic =
  (name: string): Method =>
  (given) => ({
    ...centred(name)(given),
    standard_parallel_1: given.parallel1 ?? 0,
    standard_parallel_2: given.parallel2 ?? given.parallel1 ?? 0,
  });

/** By number of the method in key 3075. */
export const METHODS: Readonly<Record<number, Method>> = {
  1: natural('Transverse_Mercator'),
  3: hotine('Hotine_Oblique_Mercator'),
  4: (given) => ({
    ...centred('Laborde_Oblique_Mercator')(given),
    azimuth: given.azimuth,
    scale_factor: given.scale ?? 1,
  }),
  5: (given) => ({
    name: 'Swiss_Oblique_Cylindrical',
    latitude_of_center: given.latitude,
    central_meridian: given.longitude,
  }),
  7: (given) =>
    given.parallel1 !== null && given.scale === null
      ? { name: 'Mercator_2SP', standard_parallel_1: given.parallel1, central_meridian: given.longitude }
      : {
          name: 'Mercator_1SP',
          latitude_of_origin: given.latitude,
          central_meridian: given.longitude,
          scale_factor: given.scale ?? 1,
        },
  8: (given) => ({
    name: 'Lambert_Conformal_Conic_2SP',
    standard_parallel_1: given.parallel1 ?? 0,
    standard_parallel_2: given.parallel2 ?? given.parallel1 ?? 0,
    latitude_of_origin: given.latitude,
    central_meridian: given.longitude,
  }),
  9: natural('Lambert_Conformal_Conic_1SP'),
  10: centred('Lambert_Azimuthal_Equal_Area'),
  11: conic('Albers_Conic_Equal_Area'),
  12: centred('Azimuthal_Equidistant'),
  13: conic('Equidistant_Conic'),
  14: natural('Stereographic'),
  15: natural('Polar_Stereographic'),
  16: natural('Oblique_Stereographic'),
  17: (given) => ({
    name: 'Equirectangular',
    standard_parallel_1: given.parallel1 ?? 0,
    latitude_of_origin: given.latitude,
    central_meridian: given.longitude,
  }),
  18: (given) => ({
    name: 'Cassini_Soldner',
    latitude_of_origin: given.latitude,
    central_meridian: given.longitude,
  }),
  19: (given) => ({ name: 'Gnomonic', latitude_of_origin: given.latitude, central_meridian: given.longitude }),
  20: centred('Miller_Cylindrical'),
  21: (given) => ({ name: 'Orthographic', latitude_of_origin: given.latitude, central_meridian: given.longitude }),
  22: (given) => ({ name: 'Polyconic', latitude_of_origin: given.latitude, central_meridian: given.longitude }),
  23: (given) => ({ name: 'Robinson', longitude_of_center: given.longitude }),
  24: (given) => ({ name: 'Sinusoidal', longitude_of_center: given.longitude }),
  25: (given) => ({ name: 'VanDerGrinten', central_meridian: given.longitude }),
  26: (given) => ({
    name: 'New_Zealand_Map_Grid',
    latitude_of_origin: given.latitude,
    central_meridian: given.longitude,
  }),
  27: natural('Transverse_Mercator_South_Orientated'),
  28: (given) => ({
    name: 'Cylindrical_Equal_Area',
    standard_parallel_1: given.parallel1 ?? 0,
    central_meridian: given.longitude,
  }),
  9815: hotine('Hotine_Oblique_Mercator_Azimuth_Center'),
};
