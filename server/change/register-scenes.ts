/** How the images of two scenes lie against each other, whatever their systems. */
import { Problem } from '../../errors/problem.ts';
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import type { Window } from '../../tiler/geotiff/window.ts';
import { fitShifts } from '../../tiler/registration/fit-shifts.ts';
import { compose, pixelsBetween, type Registration, register } from '../../tiler/registration/register.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import type { Queryable } from '../store/database/database.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import type { DatedScene } from './dated-job.ts';

export interface RegisteredScenes {
  /** From pixel positions of the first image to those of the second; by their geotransforms where nothing was found. */
  toSecond: Geotransform;
  /** Null: too little of both images looks the same. */
  found: Registration | null;
}

const NODES = 7;
/** What an affine map between two systems may leave, in pixels of the second image. */
const MOST_BENT_PIXELS = 0.25;

/** Narrower ground tells nothing of change. */
const LEAST_SHARED_PIXELS = 16;

interface SharedGround {
  /** By both geotransforms. */
  toSecond: Geotransform;
  /** The box around it in pixels of the first image. */
  shared: Window;
}

/** Throws Problem bad_request where the images share no ground, or their systems bend against each other. */
export async function sharedGround(q: Queryable, first: ReadyScene, second: ReadyScene): Promise<SharedGround> {
  const toSecond = await pixelsToPixels(q, first, second);
  const back = invert(toSecond);
  const { width, height } = second.report;
  const corners = [0, width].flatMap((x) => [0, height].map((y) => apply(back, x, y)));
  const [left, right] = rangeOf(
    corners.map(([x]) => x),
    first.report.width,
  );
  const [top, bottom] = rangeOf(
    corners.map(([, y]) => y),
    first.report.height,
  );
  if (Math.min(right - left, bottom - top) < LEAST_SHARED_PIXELS) {
    throw new Problem('bad_request', 'The two images share no ground: change is of one place at two times.');
  }
  return { toSecond, shared: { x: left, y: top, width: right - left, height: bottom - top } };
}

function rangeOf(values: readonly number[], most: number): [from: number, to: number] {
  return [Math.max(0, Math.floor(Math.min(...values))), Math.min(most, Math.ceil(Math.max(...values)))];
}

/** Throws as `sharedGround`. */
export async function registerScenes(q: Queryable, first: DatedScene, second: DatedScene): Promise<RegisteredScenes> {
  const { toSecond, shared } = await sharedGround(q, first.scene, second.scene);
  const [a, b] = await Promise.all([openScene(first.workingPath), openScene(second.workingPath)]);
  try {
    const found = await register(a, b, toSecond, shared);
    return { toSecond: found?.toSecond ?? toSecond, found };
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}

async function pixelsToPixels(q: Queryable, first: ReadyScene, second: ReadyScene): Promise<Geotransform> {
  const [from, to] = [first.report.geotransform, second.report.geotransform];
  if (first.epsg === second.epsg) return pixelsBetween(from, to);
  const nodes = Array.from({ length: NODES ** 2 }, (_, i): [number, number] => [
    ((i % NODES) / (NODES - 1)) * first.report.width,
    (Math.floor(i / NODES) / (NODES - 1)) * first.report.height,
  ]);
  const placed = await transformPoints(
    q,
    nodes.map(([x, y]) => apply(from, x, y)),
    first.epsg,
    second.epsg,
  );
  // The map through all nodes is that of the middle one and what lies beyond it, as shifts.
  const inverse = invert(to);
  const targets = placed.map(([x, y]) => apply(inverse, x, y));
  const rough = roughMap(nodes, targets);
  const back = invert(rough);
  const shifts = nodes.map(([x, y], i) => {
    const [u, v] = apply(back, ...targets[i]);
    return { x, y, dx: u - x, dy: v - y, sigmas: 0 };
  });
  const map = compose(rough, fitShifts(shifts)!.map);
  const bent = Math.max(
    ...nodes.map(([x, y], i) => {
      const [u, v] = apply(map, x, y);
      return Math.hypot(u - targets[i][0], v - targets[i][1]);
    }),
  );
  if (bent > MOST_BENT_PIXELS) {
    throw new Problem(
      'bad_request',
      `The systems of the two images bend against each other by ${bent.toFixed(1)} pixels: reproject one of them to the other's.`,
    );
  }
  return map;
}

/** By three of the corners. */
function roughMap(nodes: readonly [number, number][], targets: readonly [number, number][]): Geotransform {
  const [right, below] = [NODES - 1, NODES * (NODES - 1)];
  const [x, y] = targets[0];
  const [width, height] = [nodes[right][0], nodes[below][1]];
  return [
    x,
    (targets[right][0] - x) / width,
    (targets[below][0] - x) / height,
    y,
    (targets[right][1] - y) / width,
    (targets[below][1] - y) / height,
  ];
}
