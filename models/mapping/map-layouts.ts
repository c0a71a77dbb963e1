/** What the maps of a scene, or of a shard of it, are written as. */

import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import type { TiffLayout } from '../../tiler/geotiff/write-tiff.ts';
import type { ChipPlan } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import { type Network, type NetworkClass, weightsOf } from '../registry.ts';
import { CLASS_NODATA, SCORE_NODATA } from '../runtime/answer.ts';
import type { RunOptions } from '../runtime/session.ts';
import { pixelRows, type Shard } from './shards.ts';

/** What is mapped, with what. */
export interface MappedGrid {
  grid: ModelGrid;
  plan: ChipPlan;
  shard?: Shard;
  network: Network;
  run: RunOptions;
}

export type MapCrs = Pick<Raster, 'epsg' | 'geographic'>;

export function classMapLayout(request: MappedGrid, crs: MapCrs): TiffLayout {
  const names = request.network.classes.map(({ value, name }) => `${value}=${name}`).join(',');
  return {
    ...mapLayout(request, crs),
    nodata: CLASS_NODATA,
    palette: palette(request.network.classes),
    overviews: 'majority',
    metadata: { CLASSES: names, MODEL: modelOf(request) },
  };
}

const modelOf = ({ network, run }: MappedGrid): string => `${network.id} ${weightsOf(network, run.precision).sha256}`;

export const scoreMapLayout = (request: MappedGrid, crs: MapCrs): TiffLayout => ({
  ...mapLayout(request, crs),
  nodata: SCORE_NODATA,
  overviews: 'average',
  bandMetadata: sharesOf255(['score']),
});

/** A band a class, in the network's own order; all 0 where there is no answer. */
export const probabilitiesLayout = (request: MappedGrid, crs: MapCrs): TiffLayout => ({
  ...mapLayout(request, crs),
  bands: request.network.classes.length,
  overviews: 'average',
  metadata: { MODEL: modelOf(request) },
  bandMetadata: sharesOf255(request.network.classes.map(({ name }) => name)),
});

/** Bytes that are probabilities times 255, by GDAL's roles of items. */
const sharesOf255 = (names: readonly string[]): NonNullable<TiffLayout['bandMetadata']> =>
  names.flatMap((name, band) => [
    { name: 'DESCRIPTION', text: name, band, role: 'description' },
    { name: 'SCALE', text: String(1 / 255), band, role: 'scale' },
    { name: 'OFFSET', text: '0', band, role: 'offset' },
  ]);

export const planesLayout = (request: MappedGrid, crs: MapCrs): TiffLayout => ({
  ...mapLayout(request, crs),
  bands: request.network.planes.length,
  overviews: 'none',
  metadata: { PLANES: request.network.planes.map(({ name }) => name).join(',') },
});

/** Side in cells. Features have many bands: a tile of 512 would hold megabytes. */
export const FEATURE_TILE = 64;

export function featuresLayout(request: MappedGrid, crs: MapCrs): TiffLayout {
  const { network } = request;
  const { stride, channels } = network.features!;
  const map = mapLayout(request, crs);
  const [x0, xPerColumn, xPerRow, y0, yPerColumn, yPerRow] = map.geotransform;
  return {
    ...map,
    width: Math.ceil(map.width / stride),
    height: Math.ceil(map.height / stride),
    bands: channels,
    sampleType: 'float32',
    geotransform: [x0, xPerColumn * stride, xPerRow * stride, y0, yPerColumn * stride, yPerRow * stride],
    nodata: Number.NaN,
    overviews: 'none',
    tileSize: FEATURE_TILE,
    metadata: { MODEL: modelOf(request), LAYER: network.features!.output },
  };
}

function mapLayout({ grid, plan, shard }: MappedGrid, { epsg, geographic }: MapCrs) {
  const { y, height } = shard ? pixelRows(grid, plan, shard) : { y: 0, height: grid.height };
  const [x0, xPerColumn, xPerRow, y0, yPerColumn, yPerRow] = grid.geotransform;
  return {
    width: grid.width,
    height,
    bands: 1,
    compression: 'deflate' as const,
    geotransform: [x0 + y * xPerRow, xPerColumn, xPerRow, y0 + y * yPerRow, yPerColumn, yPerRow] as Geotransform,
    epsg: epsg!, // a working COG has one
    ...(geographic !== undefined && { geographic }),
    ...(shard && { overviewCount: shard.overviews }),
  };
}

function palette(classes: readonly NetworkClass[]): [number, number, number][] {
  const colors = Array.from({ length: 256 }, (): [number, number, number] => [0, 0, 0]);
  for (const { value, color } of classes) {
    const rgb = Number.parseInt(color.slice(1), 16);
    colors[value] = [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
  }
  return colors;
}
