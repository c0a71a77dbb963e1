/** How a seed's scene looks: where the sun stands, the colours of ground, roofs and leaves, and the camera. */
import { makeTexture, mix, type Random, randomStream, unit } from './noise.ts';
import type { Covering, GroundKind } from './plan.ts';

export type Rgb = readonly [number, number, number];

/** Codes of the class map. */
export const OTHER = 0;
export const BUILDING = 1;
export const ROAD = 2;
export const VEGETATION = 3;
export const WATER = 4;

/** A kind of ground: two colours that mottle into each other, and how strong its textures are (shares of brightness). */
export interface GroundPalette {
  class: number;
  colour: Rgb;
  other: Rgb;
  /** Contrast of mottling over metres. */
  fine: number;
  /** Contrast from pixel to pixel. */
  grain: number;
  /** Furrows or mowing: their distance in metres and contrast. */
  rows: readonly [number, number];
  /** How much areas of this kind differ from each other. */
  variety: number;
}

export interface Textures {
  /** Independent from texel to texel. */
  grain: Float32Array;
  /** Wavelengths of 2 to 8 texels. */
  fine: Float32Array;
  /** Wavelengths of 8 to 64 texels. */
  soft: Float32Array;
}

export interface TownPalette {
  /** Unit vector on the ground towards the sun, and the tangent of its elevation. */
  sunX: number;
  sunY: number;
  sunTangent: number;
  ground: Record<GroundKind, GroundPalette>;
  asphalt: Rgb;
  asphaltVariety: number;
  pavement: Rgb;
  roofs: Record<Covering, readonly Rgb[]>;
  leaves: readonly Rgb[];
  conifer: Rgb;
  cars: readonly Rgb[];
  /** Brightness of ground in shadow relative to ground in the sun. */
  shadow: Rgb;
  gain: Rgb;
  /** Share of grey light that the air adds. */
  haze: number;
  saturation: number;
  /** Width of the camera's blur: the weight of each neighbouring pixel. */
  blur: number;
  noise: number;
  textures: Textures;
}

export function makePalette(seed: number): TownPalette {
  const random = randomStream(seed ^ 0x10f2a);
  // From the south-east over south to the south-west, as in northern mornings to afternoons.
  const azimuth = random.between(0.68, 1.32) * Math.PI;
  const dryness = 0.9 * random.next() ** 2.2;
  const warm = random.between(-1, 1);
  return {
    sunX: Math.sin(azimuth),
    sunY: -Math.cos(azimuth),
    sunTangent: Math.tan((random.between(36, 56) * Math.PI) / 180),
    ground: groundLooks(random, dryness),
    asphalt: vary(random, [116, 115, 113], 15, 3),
    asphaltVariety: random.between(6, 14),
    pavement: vary(random, [160, 155, 147], 10, 4),
    roofs: roofs(random),
    leaves: leaves(random, dryness),
    conifer: vary(random, [46, 66, 50], 6, 4),
    cars: [
      [222, 222, 224],
      [205, 207, 210],
      [236, 236, 236],
      [58, 60, 64],
      [40, 41, 45],
      [120, 124, 130],
      [150, 152, 155],
      [142, 34, 34],
      [38, 62, 118],
      [70, 92, 120],
      [92, 84, 70],
    ],
    shadow: shadowTint(random),
    gain: [1.07 + 0.045 * warm, 1.07, 1.07 - 0.045 * warm],
    haze: random.between(0.02, 0.12),
    saturation: random.between(0.84, 1.07),
    blur: random.between(0.1, 0.15),
    noise: random.between(2, 3.6),
    textures: {
      grain: Float32Array.from(
        { length: 512 * 512 },
        (_, i) => (unit(seed, 70, i) + unit(seed, 71, i) + unit(seed, 72, i) - 1.5) * 2,
      ),
      fine: makeTexture(seed ^ 0x2f1e, [8, 4, 2]),
      soft: makeTexture(seed ^ 0x50f7, [64, 32, 16, 8]),
    },
  };
}

function groundLooks(random: Random, dryness: number): Record<GroundKind, GroundPalette> {
  const grass = (fresh: Rgb, dry: Rgb, more = 0): Rgb =>
    blend(vary(random, fresh, 7, 4), dry, Math.min(1, dryness * 0.7 + more));
  const fresh: Rgb = [92, 116, 64];
  const straw: Rgb = [158, 148, 104];
  const waters: Rgb[] = [
    [62, 82, 72],
    [74, 86, 66],
    [52, 74, 88],
    [64, 80, 70],
    [92, 92, 74],
  ];
  const soil = vary(random, [148, 126, 101], 16, 4);
  const look = (
    kind: number,
    colour: Rgb,
    other: Rgb,
    fine: number,
    grain: number,
    variety = 6,
    rows: readonly [number, number] = [1, 0],
  ): GroundPalette => ({ class: kind, colour, other, fine, grain, rows, variety });
  return {
    lawn: look(VEGETATION, grass(fresh, straw), grass([102, 120, 70], straw, 0.14), 0.06, 0.05, 8),
    meadow: look(VEGETATION, grass([96, 114, 62], straw), grass([118, 126, 74], straw, 0.2), 0.09, 0.06, 9),
    crop: look(VEGETATION, grass([78, 112, 54], straw), grass([96, 124, 62], straw), 0.035, 0.04, 11, [2.2, 0.05]),
    maize: look(VEGETATION, grass([62, 92, 44], straw), grass([82, 106, 56], straw), 0.05, 0.06, 8, [1.5, 0.09]),
    wheat: look(
      VEGETATION,
      vary(random, [186, 166, 108], 10, 5),
      vary(random, [168, 152, 98], 8, 4),
      0.035,
      0.035,
      9,
      [3, 0.03],
    ),
    ploughed: look(OTHER, soil, blend(soil, [112, 92, 74], 0.5), 0.05, 0.05, 8, [2.6, 0.06]),
    undergrowth: look(VEGETATION, [60, 68, 44], [78, 76, 54], 0.14, 0.08),
    pitch: look(VEGETATION, grass([84, 124, 60], straw), grass([92, 128, 66], straw), 0.03, 0.03, 4, [11, 0.06]),
    soil: look(OTHER, blend(soil, [176, 156, 130], 0.35), soil, 0.08, 0.06, 9),
    gravel: look(OTHER, vary(random, [172, 165, 152], 8, 4), [148, 140, 128], 0.07, 0.08, 8),
    sand: look(OTHER, vary(random, [200, 182, 148], 8, 4), [182, 164, 132], 0.05, 0.05, 6),
    paving: look(OTHER, vary(random, [164, 156, 146], 10, 5), [146, 140, 132], 0.05, 0.06, 9),
    concrete: look(OTHER, vary(random, [168, 167, 162], 10, 3), [146, 146, 143], 0.05, 0.04, 9),
    carpark: look(OTHER, [126, 125, 125], [112, 112, 113], 0.05, 0.04, 7),
    court: look(OTHER, [134, 132, 129], [114, 113, 112], 0.06, 0.05, 9),
    paint: look(OTHER, [206, 206, 202], [196, 196, 192], 0.03, 0.04, 0),
    water: look(
      WATER,
      vary(random, waters[Math.floor(random.next() * waters.length)], 5, 4),
      vary(random, [58, 80, 76], 5, 4),
      0.03,
      0.025,
      3,
    ),
  };
}

function roofs(random: Random): Record<Covering, readonly Rgb[]> {
  const red = random.between(0, 1);
  const tile: Rgb[] = [];
  for (let k = 0; k < 6; k++)
    tile.push(vary(random, blend([166, 98, 74], [136, 90, 74], (red + random.next()) / 2), 15, 6));
  tile.push(vary(random, [122, 92, 78], 10, 5));
  return {
    tile,
    slate: [
      vary(random, [94, 95, 100], 9, 3),
      vary(random, [112, 110, 110], 9, 3),
      vary(random, [80, 78, 80], 8, 3),
      vary(random, [124, 112, 102], 9, 4),
    ],
    gravel: [
      vary(random, [152, 149, 142], 10, 3),
      vary(random, [134, 131, 126], 9, 3),
      vary(random, [170, 165, 156], 9, 3),
    ],
    membrane: [
      [216, 216, 212],
      [194, 195, 194],
      [110, 110, 112],
      [84, 85, 88],
      [226, 224, 216],
    ],
    metal: [
      [188, 194, 198],
      [204, 206, 206],
      [150, 160, 168],
      [132, 152, 140],
      [158, 96, 80],
      [118, 140, 164],
    ],
  };
}

function leaves(random: Random, dryness: number): Rgb[] {
  const base = blend(vary(random, [72, 94, 52], 6, 5), [104, 106, 66], dryness * 0.6);
  const list: Rgb[] = [];
  for (let k = 0; k < 9; k++) list.push(vary(random, base, 9, 7));
  list.push(vary(random, blend(base, [124, 124, 66], 0.6), 8, 4), vary(random, blend(base, [112, 82, 58], 0.45), 8, 4));
  return list;
}

function shadowTint(random: Random): Rgb {
  const depth = random.between(0.3, 0.4);
  const blue = random.between(0.02, 0.05);
  return [depth, depth + blue, depth + 2.2 * blue];
}

/** A colour with its brightness and hue moved at random. */
export function vary(random: Random, colour: Rgb, brightness: number, hue: number): Rgb {
  const b = random.between(-brightness, brightness);
  return [
    colour[0] + b + random.between(-hue, hue),
    colour[1] + b + random.between(-hue, hue),
    colour[2] + b + random.between(-hue, hue),
  ];
}

export function blend(a: Rgb, b: Rgb, t: number): Rgb {
  return [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)];
}
