/**
 * An exact ring of pixel corners becomes points that lie, in the mean, on the wall it stands for: the middles of its
 * pixel sides, in metres about a centre, y down. (Corners of the steps lie half a step off to either side.)
 */

/** One ring's pixel sides in order; where there are many, each sample is the mean of a few that follow each other. */
export interface Samples {
  count: number;
  x: number[];
  y: number[];
  /** Length of ring in metres that a sample stands for. */
  weight: number[];
}

export interface Frame {
  centreX: number;
  centreY: number;
  pixelMetresX: number;
  pixelMetresY: number;
}

/** Longer lines are sampled more coarsely. */
const MOST_SAMPLES = 200;

/** The frame about the middle of a ring's bounding box. The ring is closed and flat, in pixel corners. */
export function frameOf(ring: Float64Array, pixelMetresX: number, pixelMetresY: number): Frame {
  let minX = Number.POSITIVE_INFINITY;
  let minY = Number.POSITIVE_INFINITY;
  let maxX = Number.NEGATIVE_INFINITY;
  let maxY = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < ring.length; i += 2) {
    minX = Math.min(minX, ring[i]);
    maxX = Math.max(maxX, ring[i]);
    minY = Math.min(minY, ring[i + 1]);
    maxY = Math.max(maxY, ring[i + 1]);
  }
  return { centreX: (minX + maxX) / 2, centreY: (minY + maxY) / 2, pixelMetresX, pixelMetresY };
}

/** Samples of a closed ring, from its vertex farthest from the frame's centre on: a convex corner. */
export function sampleOutline(ring: Float64Array, frame: Frame, most = MOST_SAMPLES): Samples {
  const last = ring.length - 2;
  let start = 0;
  let farthest = -1;
  for (let i = 0; i < last; i += 2) {
    const distance =
      ((ring[i] - frame.centreX) * frame.pixelMetresX) ** 2 + ((ring[i + 1] - frame.centreY) * frame.pixelMetresY) ** 2;
    if (distance > farthest) {
      farthest = distance;
      start = i;
    }
  }
  const turned = new Float64Array(ring.length);
  turned.set(ring.subarray(start, last));
  turned.set(ring.subarray(0, start + 2), last - start);
  return sampleLine(turned, frame, most);
}

/** Samples of a line along pixel sides. */
export function sampleLine(line: ArrayLike<number>, frame: Frame, most = MOST_SAMPLES): Samples {
  let sides = 0;
  for (let i = 0; i + 3 < line.length; i += 2) {
    sides += Math.abs(line[i + 2] - line[i]) + Math.abs(line[i + 3] - line[i + 1]);
  }
  const perSample = Math.ceil(sides / most);
  const x: number[] = [];
  const y: number[] = [];
  const weight: number[] = [];
  let [sumX, sumY, sum, inSample] = [0, 0, 0, 0];
  const endSample = () => {
    x.push(sumX * (frame.pixelMetresX / sum));
    y.push(sumY * (frame.pixelMetresY / sum));
    weight.push(sum);
    sumX = 0;
    sumY = 0;
    sum = 0;
    inSample = 0;
  };
  for (let i = 0; i + 3 < line.length; i += 2) {
    const dx = line[i + 2] - line[i];
    const dy = line[i + 3] - line[i + 1];
    const length = Math.abs(dx) + Math.abs(dy);
    const metres = dx === 0 ? frame.pixelMetresY : frame.pixelMetresX;
    for (let step = 0.5; step < length; step++) {
      sumX += metres * (line[i] + (dx * step) / length - frame.centreX);
      sumY += metres * (line[i + 1] + (dy * step) / length - frame.centreY);
      sum += metres;
      if (++inSample === perSample) endSample();
    }
  }
  if (inSample > 0) endSample();
  return { count: x.length, x, y, weight };
}
