/** A job's bands and stretch, and what its network takes → the view of the scene that the network is given. */

import { Problem } from '../../errors/problem.ts';
import { type ChosenBands, networkBands, type WantedBands } from '../../models/network-bands.ts';
import type { IngestReport } from '../../tiler/ingest/ingest.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
import { bandNamesOf } from '../scenes/ready-scene.ts';
import { type JobParameters, sceneView } from './job-parameters.ts';

export interface NetworkView {
  /** Null: the scene's own. */
  view: SceneView | null;
  /** How the network's bands were found, where it names any and the job does not choose. */
  found: ChosenBands | null;
}

/** Throws `bad_request` for parameters that do not fit scene or network, and `bands_missing`. */
export function networkView(parameters: JobParameters, report: IngestReport, network: WantedBands): NetworkView {
  const names = bandNamesOf(report);
  const view = sceneView(parameters, names);
  const count = network.bands?.length ?? 3;
  const said = view?.bands && ofCount(view.bands, count);
  if (view?.bands && !said) {
    const wanted = network.bands ? network.bands.join(', ') : 'red, green and blue';
    const forms = `The network "${network.id}" takes ${count} bands (${wanted})`;
    throw new Problem('bad_request', `${forms}; the parameter "bands" names ${view.bands.length}.`);
  }
  if (!network.bands) return { view, found: null };
  const found = said ? null : networkBands(network, { names, rgb: report.rendering.bands });
  const bands = said || found!.bands;
  if (network.stored) {
    if (view?.stretch !== undefined) {
      const why = `The network "${network.id}" takes the values as they are stored and scales them itself`;
      throw new Problem('bad_request', `${why}; leave "stretch" out.`);
    }
    return { view: { bands, stored: true }, found };
  }
  const stretch = Array.isArray(view?.stretch) ? ofCount(view.stretch, count) : view?.stretch;
  if (view?.stretch !== undefined && !stretch) {
    throw new Problem(
      'bad_request',
      `The parameter "stretch" has one value for all bands, or one for each of ${count}.`,
    );
  }
  return { view: { bands, ...(stretch && { stretch }) }, found };
}

/** The list where it is as long; one value, which parameters hold three times, for as many; else null. */
function ofCount<T>(list: readonly T[], count: number): T[] | null {
  if (list.length === count) return [...list];
  const same = list.length === 3 && list.every((each) => JSON.stringify(each) === JSON.stringify(list[0]));
  return same && count !== 3 ? new Array<T>(count).fill(list[0]) : null;
}
