/** What the vectorizer draws, in pixels of a map, → features in the CRS of its geotransform. */
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import type { Block } from '../../vectorizer/buildings/blocks.ts';
import { gridOrientation } from '../../vectorizer/buildings/orientation.ts';
import type { StripBuilding } from '../../vectorizer/buildings/strip.ts';
import { borderShare } from '../../vectorizer/polygons/cut-region.ts';
import type { Region } from '../../vectorizer/region.ts';
import type { StreetEdge } from '../../vectorizer/roads/strip.ts';
import { lineToWkb, regionToWkb } from '../../vectorizer/wkb.ts';
import type { FeatureLine } from './features-file.ts';

interface Grid {
  geotransform: Geotransform;
  /** Ground size of a pixel. */
  pixelMetres: { x: number; y: number };
}

export function landLine(region: Region, level: number, { geotransform, pixelMetres }: Grid): FeatureLine {
  const { x, y, piece } = region;
  const line = { ...ofRegion('landuse', region), level, wkb: regionToWkb(region, geotransform), properties: {} };
  if (!piece) return line;
  const pieceOf = { place: `${x}/${y}`, borderShare: borderShare(region, pixelMetres) };
  return { ...line, place: `${x}/${y}/${piece.column}/${piece.row}/${piece.index}`, pieceOf };
}

export function buildingLine(building: StripBuilding, { geotransform, pixelMetres }: Grid): FeatureLine {
  const { regularized, orientationDegrees, cut } = building;
  const orientation =
    orientationDegrees === null ? null : gridOrientation(orientationDegrees, geotransform, pixelMetres);
  return {
    ...ofRegion('buildings', building),
    wkb: regionToWkb(building, geotransform),
    properties: { regularized, ...(orientation !== null && { orientation_deg: orientation }), ...(cut && { cut }) },
  };
}

/** @param code class code of buildings */
export function blockLine(block: Block, level: number, code: number, { geotransform }: Grid): FeatureLine {
  const { buildings } = block;
  const wkb = regionToWkb(block, geotransform);
  return { ...ofRegion('buildings', block), class: code, level, wkb, properties: { buildings } };
}

/** @param code class code of roads */
export function roadLine(edge: StreetEdge, code: number, { geotransform }: Grid): FeatureLine {
  const { score, points, from, to, widthMetres, bridgedMetres, streetMetres } = edge;
  return {
    collection: 'roads',
    level: 0,
    class: code,
    score: known(score),
    place: points.join('/'),
    wkb: lineToWkb(points, geotransform),
    properties: {
      from_node: from,
      to_node: to,
      width_m: round(widthMetres, 2),
      bridged_m: round(bridgedMetres, 2),
      street_m: round(streetMetres, 1),
    },
  };
}

const ofRegion = (collection: string, { class: code, score, x, y }: Region) => ({
  collection,
  level: 0,
  class: code,
  score: known(score),
  place: `${x}/${y}`,
});

/** Scores of pixels are above 0 where they are known at all. */
const known = (score: number): number | null => (score > 0 ? score : null);

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
