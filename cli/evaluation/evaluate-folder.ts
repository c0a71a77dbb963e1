/** A network on images whose masks have the same name and size: one folder of them, or all places to judge by. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join, parse } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { addToTally, UNKNOWN } from '../../models/evaluation/evaluate.ts';
import { addWorstChips, type WorstChip } from '../../models/evaluation/worst-chips.ts';
import { inferBands } from '../../models/mapping/map-scene.ts';
import { type Network, wantedBands } from '../../models/registry.ts';
import { type NetworkSession, openNetwork } from '../../models/runtime/session.ts';
import { readRgbImage } from '../../tiler/geotiff/rgb-image.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { planModelGrid } from '../../tiler/grid/model-grid.ts';
import { WrongCall } from '../arguments.ts';
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

export interface FolderOptions {
  gsdMetres: number;
  only: string | undefined;
  worst: WorstChip[];
}

/** A network on images whose masks have the same name and size. */
export async function evaluateFolder(
  network: Network,
  images: string,
  masks: string,
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
  const maskOf = new Map((await readdir(masks)).map((file) => [parse(file).name, join(masks, file)]));
  const files = (await readdir(images)).filter((file) => /\.(jpe?g|png|webp)$/i.test(extname(file))).sort();
  const pairs = files.flatMap((file) => {
    const mask = maskOf.get(parse(file).name);
    return mask ? [{ image: join(images, file), mask }] : [];
  });
  if (pairs.length === 0) throw new WrongCall(`no image in ${images} has a mask of the same name in ${masks}`);
  const session = await openNetwork(network);
  const tallies = createTallies(network.classes);
  try {
    for (const pair of pairs) await evaluateImage(tallies, session, network, pair, options);
  } finally {
    await session.close();
  }
  return { ...scoresOf(tallies), gsd_m: options.gsdMetres };
}

async function evaluateImage(
  tallies: Tallies,
  session: NetworkSession,
  network: Network,
  pair: { image: string; mask: string },
  { gsdMetres, only, worst }: FolderOptions,
): Promise<void> {
  const image = await readRgbImage(pair.image, 3, gsdMetres);
  const mask = await readRgbImage(pair.mask, 1, gsdMetres);
  if (mask.width !== image.width || mask.height !== image.height) {
    const sizes = `${mask.width} × ${mask.height} and ${image.width} × ${image.height}`;
    throw new Problem(
      'bad_request',
      `A mask must have the size of its image: ${pair.mask} and ${pair.image} are ${sizes}.`,
    );
  }
  const grid = planModelGrid({ ...image, gsdMetres: { x: gsdMetres, y: gsdMetres } }, network.gsdMetres);
  const plan = planChips(grid, network, CORE_PIXELS);
  const classes = new Uint8Array(grid.width * grid.height);
  const scores = new Uint8Array(grid.width * grid.height);
  let y = 0;
  for await (const band of inferBands(session, network, { raster: image, grid, plan, fill: GREY })) {
    classes.set(band.classes, y * grid.width);
    scores.set(band.scores, y * grid.width);
    y += band.rows;
  }
  const map = {
    name: basename(pair.image),
    width: image.width,
    height: image.height,
    truth: told((await mask.read(0, wholeOf(mask))).pixels, network.classes, only),
    predicted: resample({ codes: classes, ...grid }, image, UNKNOWN),
    scores: resample({ codes: scores, ...grid }, image, 0),
    image: (await image.read(0, wholeOf(image))).pixels,
  };
  addToTally(tallies.pixels, map);
  addWorstChips(worst, map, network.classes.length, WORST_CHIPS);
  const { width, height, geotransform } = image;
  const truth = { width, height, geotransform, pixelMetres: gsdMetres, codes: map.truth };
  const drawn = { ...grid, pixelMetres: Math.sqrt(grid.gsdMetres.x * grid.gsdMetres.y), codes: classes };
  addDrawn(tallies.vectors, truth, drawn, network.classes);
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
    found[place] = await evaluateFolder(network, images, masks, { gsdMetres: gsd_m, only: undefined, worst: [] });
    onPlace(place, found[place]);
  }
  return found;
}
