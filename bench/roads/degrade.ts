/** A class map in, one as networks make it out: rough borders, specks and holes, and tree crowns over the roads. */

const ROAD = 2;
const VEGETATION = 3;

/** Strength 1: borders off by a pixel, a crown each 40 m of road or so; 2: by two pixels, twice the crowns. */
export function degrade(source: Uint8Array, width: number, height: number, strength: number, seed: number): Uint8Array {
  const next = random(seed);
  const classes = source.slice();
  for (let round = 0; round < strength; round++) {
    const before = classes.slice();
    for (let i = width + 1; i < classes.length - width - 1; i++) {
      const other = [i - 1, i + 1, i - width, i + width].find((at) => before[at] !== before[i]);
      if (other !== undefined && next() < 0.35) classes[i] = before[other];
    }
  }
  const crowns = Math.round((strength * source.reduce((sum, code) => sum + (code === ROAD ? 1 : 0), 0)) / 1600);
  for (let placed = 0; placed < crowns; ) {
    const x = Math.floor(next() * width);
    const y = Math.floor(next() * height);
    if (source[y * width + x] !== ROAD) continue;
    placed++;
    const radius = 3 + next() * (3 + 3 * strength);
    for (let py = Math.max(0, Math.ceil(y - radius)); py < Math.min(height, y + radius); py++) {
      for (let px = Math.max(0, Math.ceil(x - radius)); px < Math.min(width, x + radius); px++) {
        if (Math.hypot(px - x, py - y) < radius) classes[py * width + px] = VEGETATION;
      }
    }
  }
  for (let k = 0; k < (classes.length * strength) / 500; k++) {
    const i = Math.floor(next() * classes.length);
    classes[i] = classes[i] === ROAD ? 0 : ROAD;
  }
  return classes;
}

/** Numbers in 0–1 (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
