/** What a town block is used for, by its density. */

import { courtBlock, squareBlock } from './centre.ts';
import type { Frame } from './frame.ts';
import { buildingSite, industryBlock, shopBlock } from './industry.ts';
import { fillLand, fillPark, fillPitch } from './land.ts';
import type { Random } from './noise.ts';
import type { Block, Covering, District } from './plan.ts';
import { flatBlock, houseBlock, rowBlock } from './residential.ts';
import { ground, site } from './site.ts';

type Use =
  | 'court'
  | 'rows'
  | 'houses'
  | 'flats'
  | 'park'
  | 'pitch'
  | 'shops'
  | 'square'
  | 'building-site'
  | 'industry'
  | 'country';

export function fillBlock(
  frame: Frame,
  district: District,
  block: Block,
  density: number,
  industrial: boolean,
  random: Random,
): void {
  const place = site(frame, block);
  if (place.length < 16 || place.depth < 16) {
    ground(district, place, 'lawn', random);
    return;
  }
  const use: Use = industrial
    ? random.pick({ industry: 8, 'building-site': 1, shops: 1 })
    : density > 0.72
      ? random.pick({ court: 12, square: 2, park: 1.5, flats: 2, rows: 2 })
      : density > 0.5
        ? random.pick({ rows: 5, flats: 5, houses: 5, park: 1, pitch: 1, shops: 1.6, 'building-site': 0.6 })
        : random.pick({ houses: 12, rows: 2, park: 0.8, pitch: 0.5, 'building-site': 0.6, country: 1.2 });
  // One covering prevails in a street.
  const covering: Covering = random.pick({ tile: 7, slate: 3 });
  if (use === 'court') courtBlock(district, place, covering, random);
  else if (use === 'rows') rowBlock(district, place, covering, random);
  else if (use === 'houses') houseBlock(district, place, density, covering, random);
  else if (use === 'flats') flatBlock(district, place, covering, random);
  else if (use === 'park') fillPark(district, place, random);
  else if (use === 'pitch') fillPitch(district, place, random);
  else if (use === 'shops') shopBlock(district, place, random);
  else if (use === 'square') squareBlock(district, place, random);
  else if (use === 'industry') industryBlock(district, place, random);
  else if (use === 'building-site') buildingSite(district, place, random);
  else fillLand(frame, district, block, density, random);
}
