/** A working copy and a detection network → the features file of a job: a box around each object, in the scene's CRS. */
import type { Box } from '../../models/imported/boxes.ts';
import { type DetectRequest, type DetectResult, detectScene } from '../../models/mapping/detect-scene.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import { type FeatureLine, writeFeaturesFile } from './features-file.ts';

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
  await writeFeaturesFile(
    featuresPath,
    boxes.map((box) => featureLine(box, request.grid.geotransform)),
  );
  return { ...report, features: boxes.length };
}

function featureLine({ x1, y1, x2, y2, class: code, score }: Box, geotransform: Geotransform): FeatureLine {
  // Counter-clockwise as displayed, with y down.
  const ring = Float64Array.of(x1, y1, x1, y2, x2, y2, x2, y1, x1, y1);
  return {
    collection: OBJECTS,
    level: 0,
    class: code,
    score: Number(Math.min(1, score).toFixed(4)),
    place: [x1, y1, x2, y2]
      .map((value) => value.toFixed(2))
      .join('/')
      .concat(`/${code}`),
    wkb: regionToWkb({ rings: [ring] }, geotransform),
    properties: {},
  };
}
