/**
 * Row houses told apart: the pixels of one building region, with the network's probabilities of building and of the
 * border where buildings touch, become a map in which every house is a region of its own.
 *
 * A watershed by flooding (F. Meyer, "Color image segmentation", 1992; priority queue with first in, first out) over the
 * barriers that the network sees, and, between them, over the distance to the nearest one, so that walls with gaps still
 * part two houses at the gap. It parts too much rather than too little; walls on which the border is less likely than
 * not are then taken out, weakest first. Ties are broken by raster order, so the result is a function of its arguments.
 */
import FlatQueue from 'flatqueue';

/** A window of the map: width * height values each. */
export interface BuildingWindow {
  width: number;
  height: number;
  /** 1 inside the region, 0 elsewhere. */
  inside: Uint8Array;
  /** Probability of building, 0–255. */
  building: Uint8Array;
  /** Probability of the border between touching buildings, 0–255. */
  border: Uint8Array;
}

export interface Instances {
  count: number;
  /**
   * 0 outside of the region; two houses that border each other have different numbers from 1 to 254, so that every
   * 4-connected region of the map is one house.
   */
  map: Uint8Array;
}

/** A pixel is a barrier, and a wall stands, where the border is as likely as not. */
const LIKELY = 128;
/** Elevations below are of open pixels, by their distance from barriers; those above of barriers, by probability. */
const OPEN_LEVELS = 64;
const LEVELS = 2 * OPEN_LEVELS;
/** Steps of the distance transform (G. Borgefors, 1986), and how many of them make one level. */
const STRAIGHT = 3;
const DIAGONAL = 4;
const MOST_COLOURS = 254;

/** Houses of fewer pixels than `minPixels` are no houses: each goes to the neighbour with the longest shared wall. */
export function splitInstances(window: BuildingWindow, minPixels: number): Instances {
  const { width, inside } = window;
  const whole = { count: 1, map: inside };
  const barriers = barriersOf(window);
  if (!barriers.some((value, i) => inside[i] === 1 && value >= LIKELY)) return whole;
  const { labels, count } = flood(elevationsOf(barriers, window), window);
  if (count < 2) return whole;
  const houses = joinHouses(labels, count, barriers, width, minPixels);
  return houses.count < 2 ? whole : houses;
}

/** Where the network sees a wall, or a gap that decidedly is no building: 0–255. */
function barriersOf({ building, border }: BuildingWindow): Uint8Array {
  return border.map((value, i) => Math.max(value, 2 * (127 - building[i])));
}

/** Per pixel the level at which a flood reaches it: deep inside of houses first, the likeliest walls last. */
function elevationsOf(barriers: Uint8Array, { width, height, inside }: BuildingWindow): Uint8Array {
  const far = new Uint16Array(width * height);
  const most = STRAIGHT * (OPEN_LEVELS - 1);
  const relax = (i: number, x: number, y: number, side: -1 | 1) => {
    if (!inside[i] || barriers[i] >= LIKELY) return;
    const edge = y + side < 0 || y + side >= height;
    let nearest = Math.min(most, edge ? STRAIGHT : far[i + side * width] + STRAIGHT);
    nearest = Math.min(nearest, x + side < 0 || x + side >= width ? STRAIGHT : far[i + side] + STRAIGHT);
    for (const across of [-1, 1]) {
      const beyond = edge || x + across < 0 || x + across >= width;
      nearest = Math.min(nearest, beyond ? DIAGONAL : far[i + side * width + across] + DIAGONAL);
    }
    far[i] = side < 0 ? nearest : Math.min(far[i], nearest);
  };
  for (let i = 0; i < far.length; i++) relax(i, i % width, Math.floor(i / width), -1);
  for (let i = far.length - 1; i >= 0; i--) relax(i, i % width, Math.floor(i / width), 1);
  const levels = new Uint8Array(far.length);
  for (let i = 0; i < far.length; i++) {
    const open = barriers[i] < LIKELY;
    levels[i] = open ? OPEN_LEVELS - 1 - Math.floor(far[i] / STRAIGHT) : OPEN_LEVELS + ((barriers[i] - LIKELY) >> 1);
  }
  return levels;
}

/** Basins from 1, in the order in which the rising flood finds them. Barriers begin none. */
function flood(levels: Uint8Array, { width, height, inside }: BuildingWindow): { labels: Int32Array; count: number } {
  const labels = new Int32Array(levels.length);
  const next = new Int32Array(levels.length).fill(-1);
  const heads = new Int32Array(LEVELS).fill(-1);
  const tails = new Int32Array(LEVELS).fill(-1);
  const push = (pixel: number, level: number) => {
    if (heads[level] < 0) heads[level] = pixel;
    else next[tails[level]] = pixel;
    tails[level] = pixel;
  };
  const reach = (pixel: number, label: number, level: number) => {
    if (!inside[pixel] || labels[pixel] !== 0) return;
    labels[pixel] = label;
    push(pixel, Math.max(level, levels[pixel]));
  };
  const drain = (level: number) => {
    for (let pixel = heads[level]; pixel >= 0; pixel = heads[level]) {
      const x = pixel % width;
      if (pixel >= width) reach(pixel - width, labels[pixel], level);
      if (x > 0) reach(pixel - 1, labels[pixel], level);
      if (x + 1 < width) reach(pixel + 1, labels[pixel], level);
      if (pixel + width < width * height) reach(pixel + width, labels[pixel], level);
      heads[level] = next[pixel];
    }
  };
  const sources = openPixels(levels, inside);
  let count = 0;
  for (let level = 0; level < LEVELS; level++) {
    drain(level);
    if (level >= OPEN_LEVELS) continue;
    for (let i = sources.from[level]; i < sources.from[level + 1]; i++) {
      if (labels[sources.pixels[i]] !== 0) continue;
      reach(sources.pixels[i], ++count, level);
      drain(level);
    }
  }
  return { labels, count };
}

/** Open pixels inside, by level and then in raster order; those of level n begin at from[n]. */
function openPixels(levels: Uint8Array, inside: Uint8Array): { pixels: Int32Array; from: Int32Array } {
  const from = new Int32Array(OPEN_LEVELS + 1);
  for (let i = 0; i < levels.length; i++) if (inside[i] && levels[i] < OPEN_LEVELS) from[levels[i] + 1]++;
  for (let level = 0; level < OPEN_LEVELS; level++) from[level + 1] += from[level];
  const at = from.slice();
  const pixels = new Int32Array(from[OPEN_LEVELS]);
  for (let i = 0; i < levels.length; i++) if (inside[i] && levels[i] < OPEN_LEVELS) pixels[at[levels[i]]++] = i;
  return { pixels, from };
}

/** Between two basins: pairs of pixels across it, and the sum of the likelier barriers of each pair. */
interface Wall {
  length: number;
  evidence: number;
}

/** Joins basins over walls that are not there, then those that are too small, and numbers what remains. */
function joinHouses(
  labels: Int32Array,
  count: number,
  barriers: Uint8Array,
  width: number,
  minPixels: number,
): Instances {
  const pixels = new Int32Array(count + 1);
  const walls: Map<number, Wall>[] = Array.from({ length: count + 1 }, () => new Map());
  const meet = (i: number, j: number) => {
    const [a, b] = [labels[i], labels[j]];
    if (a === b || a === 0 || b === 0) return;
    let wall = walls[a].get(b);
    if (!wall) {
      wall = { length: 0, evidence: 0 };
      walls[a].set(b, wall);
      walls[b].set(a, wall);
    }
    wall.length++;
    wall.evidence += Math.max(barriers[i], barriers[j]);
  };
  for (let i = 0; i < labels.length; i++) {
    pixels[labels[i]]++;
    if ((i + 1) % width !== 0) meet(i, i + 1);
    if (i + width < labels.length) meet(i, i + width);
  }
  const parent = Int32Array.from(walls, (_, label) => label);
  joinWeakest(walls, pixels, parent);
  joinSmallest(walls, pixels, parent, minPixels);

  const colours = new Uint8Array(count + 1);
  let houses = 0;
  for (let label = 1; label <= count; label++) {
    if (parent[label] !== label) continue;
    houses++;
    const taken = new Set([...walls[label].keys()].map((other) => colours[other]));
    let colour = 1;
    while (taken.has(colour) && colour < MOST_COLOURS) colour++;
    colours[label] = colour;
  }
  const map = new Uint8Array(labels.length);
  for (let i = 0; i < labels.length; i++) map[i] = colours[find(parent, labels[i])];
  return { count: houses, map };
}

function find(parent: Int32Array, label: number): number {
  let root = label;
  while (parent[root] !== root) root = parent[root];
  parent[label] = root;
  return root;
}

type Walls = Map<number, Wall>[];

/** Takes out walls whose mean barrier is unlikely, from the weakest. */
function joinWeakest(walls: Walls, pixels: Int32Array, parent: Int32Array): void {
  const queue = new FlatQueue<[number, number]>();
  const offer = (a: number, b: number, { length, evidence }: Wall) => {
    if (evidence / length < LIKELY) queue.push([a, b], evidence / length);
  };
  for (const [a, around] of walls.entries()) for (const [b, wall] of around) if (a < b) offer(a, b, wall);
  while (queue.length > 0) {
    const mean = queue.peekValue()!;
    const [a, b] = queue.pop()!;
    const wall = walls[a].get(b);
    if (wall && wall.evidence / wall.length === mean) join(walls, pixels, parent, a, b, offer); // else it was offered anew
  }
}

function joinSmallest(walls: Walls, pixels: Int32Array, parent: Int32Array, minPixels: number): void {
  const queue = new FlatQueue<number>();
  for (let label = 1; label < walls.length; label++) {
    if (parent[label] === label && pixels[label] < minPixels) queue.push(label, pixels[label]);
  }
  while (queue.length > 0) {
    const size = queue.peekValue()!;
    const label = queue.pop()!;
    if (parent[label] !== label || pixels[label] !== size) continue;
    let longest = 0;
    let neighbour = 0;
    for (const [other, { length }] of walls[label]) {
      if (length < longest || (length === longest && other > neighbour)) continue;
      longest = length;
      neighbour = other;
    }
    if (neighbour === 0) continue;
    const joined = join(walls, pixels, parent, label, neighbour);
    if (pixels[joined] < minPixels) queue.push(joined, pixels[joined]);
  }
}

/** The one with more neighbours takes the other and its walls in; returns it. */
function join(
  walls: Walls,
  pixels: Int32Array,
  parent: Int32Array,
  a: number,
  b: number,
  onWall: (a: number, b: number, wall: Wall) => void = () => {},
): number {
  const [kept, gone] = walls[a].size > walls[b].size || (walls[a].size === walls[b].size && a < b) ? [a, b] : [b, a];
  parent[gone] = kept;
  pixels[kept] += pixels[gone];
  walls[kept].delete(gone);
  for (const [other, wall] of walls[gone]) {
    if (other === kept) continue;
    walls[other].delete(gone);
    const known = walls[kept].get(other);
    const sum = known ? { length: known.length + wall.length, evidence: known.evidence + wall.evidence } : wall;
    walls[kept].set(other, sum);
    walls[other].set(kept, sum);
    onWall(kept, other, sum);
  }
  walls[gone].clear();
  return kept;
}
