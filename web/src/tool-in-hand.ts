/** What a click on the map, or Enter on its middle, does while a tool is in hand. */
import type { State } from './state.ts';

/** False where none is: then it selects a feature. */
export function toTool({ tool, measured, point }: State, { lng, lat }: { lng: number; lat: number }): boolean {
  if (tool.value === 'measure') measured.value = [...measured.value, [lng, lat]];
  else if (tool.value === 'point') point.value = [wrapped(lng), lat];
  else return false;
  return true;
}

/** Longitudes of copies of the world, as the service knows them. */
const wrapped = (lng: number): number => ((((lng + 180) % 360) + 360) % 360) - 180;
