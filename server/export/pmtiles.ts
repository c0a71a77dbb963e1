/** The vector tiles of a job → one PMTiles archive. */
import type { Bbox } from '../api/index.ts';
import { attributionMarkup } from '../scenes/attribution.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FeatureTable } from '../store/tables/feature-tables.ts';
import { writeArchive } from '../tiles/pmtiles-archive.ts';
import { boxAround, packTiles } from '../tiles/pyramid.ts';
import type { TiledJob } from '../tiles/tile-of-job.ts';
import { firstZoom, nativeZoom, type TileAddress } from '../tiles/web-mercator.ts';

/** A tile has 4096 units a side: two zooms above that of the pixels, a unit is still a fraction of a pixel. */
const SPARED_ZOOMS = 2;

export async function writePmtiles(
  q: Queryable,
  tables: readonly FeatureTable[],
  job: TiledJob,
  path: string,
): Promise<void> {
  const found = boxAround(tables.map(({ bbox }) => bbox));
  const bbox: Bbox = found ?? [0, 0, 0, 0];
  const minZoom = firstZoom(bbox);
  const maxZoom = Math.max(minZoom, nativeZoom(job.gsdMetres ?? 1, bbox) - SPARED_ZOOMS);
  const choose = ({ z }: TileAddress) => {
    if (!found || z > maxZoom) return null;
    return z === maxZoom ? 'whole' : 'drawn';
  };
  const metadata = metadataOf(tables, minZoom, maxZoom);
  const zooms: [number, number] = [minZoom, maxZoom];
  await writeArchive(path, packTiles(q, job, bbox, minZoom, choose), { metadata, bbox, zooms });
}

const FIELD_TYPES = { id: 'String', class: 'String', score: 'Number' };

function metadataOf(tables: readonly FeatureTable[], minzoom: number, maxzoom: number) {
  return {
    name: 'Planimeter',
    type: 'overlay',
    generator: 'planimeter',
    attribution: attributionMarkup(tables[0]!.rights),
    ...(tables[0]!.rights.license !== null && { license: tables[0]!.rights.license }),
    vector_layers: tables.map(({ collection, kind }) => ({
      id: collection,
      minzoom,
      maxzoom,
      fields: { ...FIELD_TYPES, [kind === 'line' ? 'length_m' : 'area_m2']: 'Number' },
    })),
  };
}
