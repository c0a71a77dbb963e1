/**
 * Seeded randomness that depends on position alone: integer hashes, a random stream for one object, and tileable noise
 * textures. Everything the town shows is drawn from these, so that any part of it can be made without the rest.
 */

/** 32 random bits of (seed, a, b, c): the finaliser of MurmurHash3 over a multiplicative mix. */
export function hash(seed: number, a: number, b = 0, c = 0): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(a | 0, 0xcc9e2d51);
  h = Math.imul(h ^ (h >>> 15), 0x1b873593) ^ Math.imul(b | 0, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f) ^ Math.imul(c | 0, 0x165667b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** `hash` as a number in [0, 1). */
export function unit(seed: number, a: number, b = 0, c = 0): number {
  return hash(seed, a, b, c) / 4294967296;
}

/** A stream of draws for one object. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** In [low, high). */
  between(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One of the choices, by weight. */
  pick<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/** Mulberry32 (Tommy Ettinger, public domain). */
export function randomStream(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    chance: (probability) => next() < probability,
    pick<K extends string>(weights: Readonly<Record<K, number>>): K {
      const choices = Object.entries(weights) as [K, number][];
      let left = next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [choice, weight] of choices) {
        left -= weight;
        if (left < 0) return choice;
      }
      return choices[choices.length - 1][0];
    },
  };
}

/** Side of a noise texture in texels; a power of two, so that wrapping is a mask. */
export const TEXTURE_SIDE = 512;
const MASK = TEXTURE_SIDE - 1;

/** A tileable texture of smooth value noise with the given wavelengths (texels, powers of two), mean 0, deviation 1. */
export function makeTexture(seed: number, wavelengths: readonly number[]): Float32Array {
  const texture = new Float32Array(TEXTURE_SIDE * TEXTURE_SIDE);
  for (const wavelength of wavelengths) {
    const amplitude = Math.sqrt(wavelength);
    const cells = TEXTURE_SIDE / wavelength;
    for (let y = 0; y < TEXTURE_SIDE; y++) {
      const row = Math.floor(y / wavelength);
      const fy = smooth(y / wavelength - row);
      for (let x = 0; x < TEXTURE_SIDE; x++) {
        const column = Math.floor(x / wavelength);
        const fx = smooth(x / wavelength - column);
        const right = (column + 1) % cells;
        const below = (row + 1) % cells;
        const top = mix(unit(seed, column, row, wavelength), unit(seed, right, row, wavelength), fx);
        const bottom = mix(unit(seed, column, below, wavelength), unit(seed, right, below, wavelength), fx);
        texture[y * TEXTURE_SIDE + x] += amplitude * (mix(top, bottom, fy) - 0.5);
      }
    }
  }
  let sum = 0;
  let squares = 0;
  for (const value of texture) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / texture.length;
  const scale = 1 / Math.sqrt(squares / texture.length - mean * mean);
  for (let i = 0; i < texture.length; i++) texture[i] = (texture[i] - mean) * scale;
  return texture;
}

/** Bilinear sample at any position, in texels. */
export function sampleTexture(texture: Float32Array, x: number, y: number): number {
  const column = Math.floor(x);
  const row = Math.floor(y);
  const fx = x - column;
  const left = column & MASK;
  const right = (column + 1) & MASK;
  const top = (row & MASK) * TEXTURE_SIDE;
  const bottom = ((row + 1) & MASK) * TEXTURE_SIDE;
  const above = texture[top + left] + (texture[top + right] - texture[top + left]) * fx;
  const below = texture[bottom + left] + (texture[bottom + right] - texture[bottom + left]) * fx;
  return above + (below - above) * (y - row);
}

/** The texel at an integer position. */
export function texel(texture: Float32Array, x: number, y: number): number {
  return texture[(y & MASK) * TEXTURE_SIDE + (x & MASK)];
}

export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}
