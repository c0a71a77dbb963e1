/** A working copy and a detection network → the features file of a job: a box around each object, in the scene's CRS. */
import { writeFile } from 'node:fs/promises';
import type { Box } from '../../models/imported/boxes.ts';
import { type DetectRequest, type DetectResult, detectScene } from '../../models/mapping/detect-scene.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import type { FeatureLine } from './map-to-features.ts';

export interface DetectObjectsRequest extends DetectRequest {
  featuresPath: string;
}

export type DetectionReport = Omit<DetectResult, 'boxes'> & { features: number };

/** Where boxes go; land use, buildings and roads are maps' own. */
export const OBJECTS = 'objects';

export async function detectObjects(
  { featuresPath, ...request }: DetectObjectsRequest,
  onProgress: (chips: number) => void,
): Promise<DetectionReport> {
  const { boxes, ...report } = await detectScene(request, onProgress);
  const lines = boxes.map((box) => `${JSON.stringify(featureLine(box, request.grid.geotransform))}\n`);
  await writeFile(featuresPath, lines.join(''));
  return { ...report, features: boxes.length };
}

function featureLine({ x1, y1, x2, y2, class: code, score }: Box, geotransform: Geotransform): FeatureLine {
  // Counter-clockwise as displayed, with y down.
  const ring = Float64Array.of(x1, y1, x1, y2, x2, y2, x2, y1, x1, y1);
  const wkb = regionToWkb({ rings: [ring] }, geotransform);
  return {
    collection: OBJECTS,
    level: 0,
    class: code,
    score: Number(Math.min(1, score).toFixed(4)),
    place: [x1, y1, x2, y2]
      .map((value) => value.toFixed(2))
      .join('/')
      .concat(`/${code}`),
    wkb: Buffer.from(wkb).toString('base64'),
    properties: {},
  };
}
