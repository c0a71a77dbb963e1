/**
 * The bent frame on which the town is planned: (u, v) in metres, where main roads and the river are straight lattice
 * lines, to ground metres (x, y), where they curve. It also says how dense the town is at a place.
 */
import { clamp, makeTexture, sampleTexture, unit } from './noise.ts';

/** Mean distance of main roads. */
export const CELL_METRES = 230;
/** One town, and one river, for so many lattice cells. */
export const TOWN_CELLS = 5;
/** Half of the strip that a river with its banks takes, between the roads along it. */
export const RIVER_HALF_METRES = 44;

export interface Frame {
  seed: number;
  /** Whether main roads along v lines, but those by rivers, are two carriageways with a median. */
  dualCarriageways: boolean;
  /** Ground position of (u, v). */
  toGround(u: number, v: number): [number, number];
  /** A box in (u, v) that holds everything lying within the ground box. */
  boxAround(x0: number, y0: number, x1: number, y1: number): { u0: number; v0: number; u1: number; v1: number };
  /** Lattice lines: u of the i-th, v of the j-th. */
  lineU(i: number): number;
  lineV(j: number): number;
  isRiver(j: number): boolean;
  /** How far the water's middle lies off the lattice line j at u, and half its width. */
  reach(j: number, u: number): { middle: number; half: number };
  /** 0 in the open country, 1 in the middle of a town. */
  density(u: number, v: number): number;
  /** Where woods stand: about normally distributed, smooth. */
  wood(u: number, v: number): number;
}

interface Wave {
  ku: number;
  kv: number;
  phase: number;
  amplitude: number;
}

export function makeFrame(seed: number, dualCarriageways = false): Frame {
  const angle = unit(seed, 1) * 2 * Math.PI;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const waves = [0, 1].map((axis) => [0, 1, 2].map((k) => wave(seed, axis, k)));
  const bend = (set: Wave[], u: number, v: number) => {
    let sum = 0;
    for (const w of set) sum += w.amplitude * (Math.sin(w.ku * u + w.kv * v + w.phase) - Math.sin(w.phase));
    return sum;
  };
  const reach = Math.max(...waves.map((set) => set.reduce((sum, w) => sum + 2 * w.amplitude, 0)));
  // The first kilometre is what most scenes show: the town lies around its middle.
  const originX = 512 + 160 * (unit(seed, 2) - 0.5);
  const originY = 512 + 160 * (unit(seed, 3) - 0.5);
  const patches = makeTexture(seed ^ 0x51ed, [64, 32, 16]);

  const line = (axis: number, k: number) => CELL_METRES * (k + 0.26 * (unit(seed, 10 + axis, k) - 0.5));
  const town = (k: number, l: number) => ({
    u: CELL_METRES * (TOWN_CELLS * k + 1.2 * (unit(seed, 20, k, l) - 0.5)),
    v: CELL_METRES * (TOWN_CELLS * l + (unit(seed, 21, k, l) < 0.5 ? -0.55 : 0.55)),
    radius: 330 + 130 * unit(seed, 22, k, l),
  });

  return {
    seed,
    dualCarriageways,
    toGround(u, v) {
      const p = u + bend(waves[0], u, v);
      const q = v + bend(waves[1], u, v);
      return [originX + p * cos - q * sin, originY + p * sin + q * cos];
    },
    boxAround(x0, y0, x1, y1) {
      const box = { u0: Infinity, v0: Infinity, u1: -Infinity, v1: -Infinity };
      for (const x of [x0 - originX, x1 - originX]) {
        for (const y of [y0 - originY, y1 - originY]) {
          const p = x * cos + y * sin;
          const q = y * cos - x * sin;
          box.u0 = Math.min(box.u0, p - reach);
          box.u1 = Math.max(box.u1, p + reach);
          box.v0 = Math.min(box.v0, q - reach);
          box.v1 = Math.max(box.v1, q + reach);
        }
      }
      return box;
    },
    lineU: (i) => line(0, i),
    lineV: (j) => line(1, j),
    isRiver: (j) => ((j % TOWN_CELLS) + TOWN_CELLS) % TOWN_CELLS === 0,
    reach(j, u) {
      const row = 37 * j + 0.5;
      const noise = (scale: number, offset: number) =>
        clamp(sampleTexture(patches, u / scale, row + offset), -1.4, 1.4);
      // At most 34 m from the lattice line, so that the path along the bank stays dry.
      return { middle: 6 * noise(5, 0), half: 18 + 3.5 * noise(30, 180) + 1.8 * noise(3, 90) };
    },
    density(u, v) {
      const k = Math.round(u / (CELL_METRES * TOWN_CELLS));
      const l = Math.round(v / (CELL_METRES * TOWN_CELLS));
      let density = 0;
      for (let b = l - 1; b <= l + 1; b++) {
        for (let a = k - 1; a <= k + 1; a++) {
          const centre = town(a, b);
          const r = ((u - centre.u) ** 2 + (v - centre.v) ** 2) / centre.radius ** 2;
          density = Math.max(density, Math.exp(-r));
        }
      }
      return clamp(density + 0.1 * sampleTexture(patches, u / 9, v / 9), 0, 1);
    },
    wood: (u, v) => sampleTexture(patches, 200 + u / 7, 300 + v / 7),
  };
}

function wave(seed: number, axis: number, k: number): Wave {
  const wavelength = [1150, 720, 430][k] * (0.85 + 0.3 * unit(seed, 30 + axis, k, 1));
  const direction = unit(seed, 30 + axis, k, 2) * 2 * Math.PI;
  return {
    ku: ((2 * Math.PI) / wavelength) * Math.cos(direction),
    kv: ((2 * Math.PI) / wavelength) * Math.sin(direction),
    phase: unit(seed, 30 + axis, k, 3) * 2 * Math.PI,
    // Slopes below 1 in sum keep the frame from folding.
    amplitude: wavelength * [0.036, 0.03, 0.022][k],
  };
}
