/** A text → positions, images whose name holds it, and features whose id begins with it. */
import { bbox } from '@turf/turf';
import type { App } from '../app.ts';
import { area, coordinate, gsd, lengthParts, titleOf } from '../format.ts';
import { t } from '../messages/index.ts';
import { getCoordinates, getItems, ServiceError } from '../service/api.ts';
import type { FeatureJson, SceneJson } from '../service/types.ts';
import { type Position, type SelectedFeature, selectedFromItem } from '../state.ts';
import { type Candidate, readCoordinates } from './coordinates.ts';

export type Found = { key: string; title: string; note: string } & (
  | { kind: 'place'; at: Position }
  | { kind: 'scene'; id: string }
  | { kind: 'feature'; feature: SelectedFeature; scene: string; box: readonly number[] }
);

const texts = t.tools;
const MOST_SCENES = 6;
const MOST_FEATURES = 5;
/** Shorter ones begin too many ids. */
const ID_BEGINS = /^[0-9a-f]{8}[0-9a-f-]{0,28}$/i;

/** Throws the service's refusal of the only thing that the text can be. */
export async function search({ state }: App, text: string): Promise<Found[]> {
  const wanted = text.trim();
  if (wanted === '') return [];
  const { scenes, scene, doneJob } = state;
  const epsg = Number(/^EPSG:(\d+)$/.exec(scene.value?.srs ?? '')?.[1] ?? Number.NaN);
  const candidates = readCoordinates(wanted, Number.isFinite(epsg) ? epsg : null);
  const [places, features] = await Promise.all([
    Promise.all(candidates.map((each, i) => placeOf(each, i > 0, scenes.value))),
    ID_BEGINS.test(wanted)
      ? featuresOf(
          wanted,
          (doneJob.value?.collections ?? []).map(({ id }) => id),
        )
      : [],
  ]);
  const refused = places.find((each) => each instanceof ServiceError);
  const there = places.filter((each): each is Found => each !== null && !(each instanceof ServiceError));
  const found = [...there, ...scenesOf(wanted, scenes.value), ...features];
  if (found.length === 0 && refused) throw refused;
  return found;
}

async function placeOf(
  candidate: Candidate,
  second: boolean,
  scenes: readonly SceneJson[],
): Promise<Found | ServiceError | null> {
  let at: Position;
  let note: string;
  if (candidate.kind === 'degrees') {
    at = [candidate.lon, candidate.lat];
    const { notations } = texts;
    note = candidate.notation === 'MGRS' ? notations.MGRS : second ? notations.reversed : notations.degrees;
  } else {
    const { epsg, x, y, notation } = candidate;
    const found = await getCoordinates(epsg, x, y).catch((error: unknown) => {
      if (error instanceof ServiceError) return error;
      throw error;
    });
    if (found instanceof ServiceError) return found;
    at = [found.lon, found.lat];
    note = notation;
  }
  const [lon, lat] = at;
  const inside = scenes.find(
    ({ bbox }) => bbox && lon >= bbox[0] && lon <= bbox[2] && lat >= bbox[1] && lat <= bbox[3],
  );
  const title = `${coordinate(lat, 5)}, ${coordinate(lon, 5)}`;
  const where = inside ? `${note} · ${texts.inImage(inside.name)}` : note;
  return { kind: 'place', key: `${title} ${note}`, title, note: where, at };
}

const plain = (text: string): string => text.normalize('NFKC').toLowerCase();

function scenesOf(wanted: string, scenes: readonly SceneJson[]): Found[] {
  return scenes
    .filter(({ id, name }) => plain(name).includes(plain(wanted)) || id === wanted.toLowerCase())
    .slice(0, MOST_SCENES)
    .map(({ id, name, gsd_m }) => {
      const note = gsd_m ? `${texts.image} · ${gsd(gsd_m)}` : texts.image;
      return { kind: 'scene', key: id, title: name, note, id };
    });
}

async function featuresOf(wanted: string, collections: readonly string[]): Promise<Found[]> {
  const query = { filter: `id LIKE '${wanted.toLowerCase()}%'`, limit: String(MOST_FEATURES) };
  const pages = await Promise.all(collections.map((collection) => getItems(collection, query)));
  return pages.flatMap(({ features }) => features.map(featureFound));
}

function featureFound(item: FeatureJson): Found {
  const { class: name, collection, area_m2, length_m, scene } = item.properties;
  const size = length_m === undefined ? area(area_m2 ?? 0) : lengthParts(length_m).join('\u2009');
  return {
    ...{ kind: 'feature', key: item.id, title: `${titleOf(name)} · ${size}`, note: titleOf(collection) },
    ...{ feature: selectedFromItem(item), scene, box: bbox(item) },
  };
}
