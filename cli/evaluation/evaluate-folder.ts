/** A network on images whose masks have the same name and size: one folder of them, or all places to judge by. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, parse } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { addToTally, UNKNOWN } from '../../models/evaluation/evaluate.ts';
import { addWorstChips, type WorstChip } from '../../models/evaluation/worst-chips.ts';
import { inferBands } from '../../models/mapping/map-scene.ts';
import { type Network, wantedBands } from '../../models/registry.ts';
import { type NetworkSession, openNetwork } from '../../models/runtime/session.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { planModelGrid } from '../../tiler/grid/model-grid.ts';
import { isMask, readMask } from '../../tiler/images/mask.ts';
import { isRgbImage, readRgbImage } from '../../tiler/images/rgb-image.ts';
import { WrongCall } from '../arguments.ts';
import { type GroundSize, meanOf } from './ground-size.ts';
import {
  addDrawn,
  createTallies,
  type Evaluated,
  resample,
  scoresOf,
  type Tallies,
  told,
  WORST_CHIPS,
} from './map-scores.ts';

const CORE_PIXELS = 1024;
const GREY = [128, 128, 128] as const;
/** Pixels that are longer than wide by more are not drawn from: straight walls and routes want square ones. */
const MOST_OBLONG = 1.02;

export interface FolderOptions {
  ground: Pick<GroundSize, 'gsdMetres' | 'own'>;
  only: string | undefined;
  worst: WorstChip[];
}

interface Pair {
  image: string;
  mask: string;
}

/** Images that have a mask of the same name, PNG or TIFF, by name. Throws a wrong call where there are none. */
export async function findPairs(images: string, masks: string): Promise<Pair[]> {
  const maskOf = new Map((await readdir(masks)).filter(isMask).map((file) => [parse(file).name, join(masks, file)]));
  const pairs = (await readdir(images))
    .filter(isRgbImage)
    .sort()
    .flatMap((file) => {
      const mask = maskOf.get(parse(file).name);
      return mask ? [{ image: join(images, file), mask }] : [];
    });
  if (pairs.length > 0) return pairs;
  throw new WrongCall(
    `no image (JPEG, PNG, WebP, TIFF) in ${images} has a mask (PNG, TIFF) of the same name in ${masks}`,
  );
}

/** A network on images, each held against its mask. */
export async function evaluatePairs(
  network: Network,
  pairs: readonly Pair[],
  options: FolderOptions,
): Promise<Evaluated> {
  const { bands } = wantedBands(network);
  if (bands) {
    const what = `The network "${network.id}" takes ${bands.join(', ')}, and the images of --images are RGB`;
    throw new Problem(
      'bad_request',
      `${what}; map with "segment … --classes C.tif", then use --predicted and --truth.`,
    );
  }
  const session = await openNetwork(network);
  const tallies = createTallies(network.classes, options.only);
  try {
    for (const pair of pairs) await evaluateImage(tallies, session, network, pair, options);
  } finally {
    await session.close();
  }
  return { ...scoresOf(tallies), gsd_m: options.ground.gsdMetres };
}

async function evaluateImage(
  tallies: Tallies,
  session: NetworkSession,
  network: Network,
  pair: Pair,
  { ground, only, worst }: FolderOptions,
): Promise<void> {
  const gsdMetres = ground.own.get(pair.image) ?? { x: ground.gsdMetres, y: ground.gsdMetres };
  const image = await readRgbImage(pair.image, gsdMetres);
  const mask = await readMask(pair.mask, UNKNOWN);
  if (mask.width !== image.width || mask.height !== image.height) {
    const sizes = `${mask.width} × ${mask.height} and ${image.width} × ${image.height}`;
    throw new Problem(
      'bad_request',
      `A mask must have the size of its image: ${pair.mask} and ${pair.image} are ${sizes}.`,
    );
  }
  const grid = planModelGrid({ ...image, gsdMetres }, network.gsdMetres);
  const plan = planChips(grid, network, CORE_PIXELS);
  const classes = new Uint8Array(grid.width * grid.height);
  const scores = new Uint8Array(grid.width * grid.height);
  const planes = new Uint8Array(grid.width * grid.height * network.planes.length);
  let y = 0;
  for await (const band of inferBands(session, network, { raster: image, grid, plan, fill: GREY })) {
    classes.set(band.classes, y * grid.width);
    scores.set(band.scores, y * grid.width);
    planes.set(band.planes, y * grid.width * network.planes.length);
    y += band.rows;
  }
  const { pixels, valid } = await image.read(0, wholeOf(image));
  // Where there is no imagery, no network can be right.
  const codes = mask.codes.map((code, i) => (valid[i] ? code : UNKNOWN));
  const map = {
    name: basename(pair.image),
    width: image.width,
    height: image.height,
    truth: told(codes, network.classes, only),
    predicted: resample({ codes: classes, ...grid }, image, UNKNOWN),
    scores: resample({ codes: scores, ...grid }, image, 0),
    image: pixels,
  };
  addToTally(tallies.pixels, map);
  addWorstChips(worst, map, tallies.pixels, WORST_CHIPS);
  if (Math.max(gsdMetres.x / gsdMetres.y, gsdMetres.y / gsdMetres.x) > MOST_OBLONG) return;
  const { width, height, geotransform } = image;
  const truth = { width, height, geotransform, pixelMetres: meanOf(gsdMetres), codes: map.truth };
  const maps = { codes: classes, scores, ...(network.planes.length > 0 && { planes }) };
  await addDrawn(tallies.vectors, truth, { ...grid, pixelMetres: meanOf(grid.gsdMetres), ...maps }, network);
}

/** A manifest's place to judge by. */
interface Place {
  place: string;
  split: string;
  gsd_m: number;
}

/**
 * All places of `manifest.json` with the split "val" whose pixels are fine enough for the network, by name: images in
 * PLACE/images, masks in PLACE/labels.
 */
export async function evaluatePlaces(
  network: Network,
  folder: string,
  only: string | undefined,
  onPlace: (place: string, scores: Evaluated) => void,
): Promise<Record<string, Evaluated>> {
  const path = join(folder, 'manifest.json');
  const text = await readFile(path, 'utf8').catch(() => {
    throw new WrongCall(`"${path}" cannot be read: it names the places`);
  });
  const { places = [] } = JSON.parse(text) as { places?: Place[] };
  const coarsest = network.gsdRangeMetres?.[1] ?? Number.POSITIVE_INFINITY;
  const judges = places.filter(({ split, gsd_m }) => split === 'val' && gsd_m <= coarsest);
  if (judges.length === 0) throw new WrongCall(`${path} has no place of the split "val" that is fine enough`);
  const found: Record<string, Evaluated> = {};
  for (const { place, gsd_m } of judges) {
    const [images, masks] = ['images', 'labels'].map((part) => join(folder, place, part));
    const pairs = await findPairs(images, masks);
    const ground = { gsdMetres: gsd_m, own: new Map() };
    const scores = await evaluatePairs(network, pairs, { ground, only, worst: [] });
    found[place] = { ...scores, gsd_reason: `as ${path} says of ${place}` };
    onPlace(place, found[place]);
  }
  return found;
}
