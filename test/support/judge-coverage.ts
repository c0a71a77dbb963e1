/** An outside judge of regions: shapely (GEOS) says whether they are a valid coverage of their map. */
import type { Region } from '../../vectorizer/region.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import { type ClassMap, NODATA } from './generated/generated-maps.ts';
import { judge } from './python.ts';

const IDENTITY: Parameters<typeof regionToWkb>[1] = [0, 1, 0, 0, 0, 1];

export type JudgedCase = ReturnType<typeof forJudge>;

/** A map with the regions that were drawn of it, as programs in Python read them. */
export function forJudge(seed: number, map: ClassMap, regions: readonly Region[]) {
  return {
    seed,
    width: map.width,
    height: map.height,
    classes: Buffer.from(map.classes).toString('base64'),
    regions: regions.map((region) => ({
      class: region.class,
      pixels: region.pixels,
      wkb: Buffer.from(regionToWkb(region, IDENTITY)).toString('hex'),
    })),
  };
}

/** What is wrong, by seed. */
export function coverageFaults(python: string, cases: readonly JudgedCase[]): string[] {
  return judge<string[]>(
    python,
    `
import sys, json, base64, numpy, shapely
faults = []
for case in json.load(sys.stdin):
    def fault(text): faults.append(f"seed {case['seed']}: {text}")
    array = numpy.frombuffer(base64.b64decode(case['classes']), numpy.uint8).reshape(case['height'], case['width'])
    polygons = shapely.from_wkb([bytes.fromhex(r['wkb']) for r in case['regions']])
    if len(polygons) == 0: continue
    if not shapely.is_valid(polygons).all(): fault(f"not valid: {shapely.is_valid_reason(polygons[~shapely.is_valid(polygons)][0])}")
    for p in polygons:
        if not all(r.is_simple for r in [p.exterior, *p.interiors]): fault('a ring is not simple')
        if not p.exterior.is_ccw or any(r.is_ccw for r in p.interiors): fault('orientation')
    if not shapely.coverage_is_valid(polygons): fault(f'not a coverage: {shapely.coverage_invalid_edges(polygons)[:3]}')
    union = shapely.union_all(polygons)
    area = shapely.area(polygons).sum()
    if abs(union.area - area) > 1e-6: fault(f'overlap: {area} in sum, {union.area} together')
    if (array != ${NODATA}).all():
        frame = shapely.box(0, 0, case['width'], case['height'])
        if abs(union.area - frame.area) > 1e-6 or not frame.buffer(1e-9).covers(union): fault(f'the union is not the whole map: {union.area}')
print(json.dumps(faults))
`,
    cases,
  );
}
