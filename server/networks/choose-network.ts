/** Which network a scene should be given to, by its pixel size and by what it looks like; said in a sentence. */

export interface Choosable {
  id: string;
  /** Pixel size that the network was trained at; null where nobody knows. */
  gsd_m: number | null;
  /** Networks that users added run only where they are named. */
  kind?: 'shipped' | 'added';
  /** Pixel sizes that it was trained to take, finest and coarsest, where its manifest says so. */
  gsd_range_m?: [finest: number, coarsest: number] | undefined;
  classes: readonly { name: string }[];
}

export interface Fit {
  suitable: boolean;
  reason: string;
}

export interface ModelChoice {
  id: string;
  reason: string;
}

/** Imagery this many times coarser than the network's shows too little of what it looks for. */
const COARSEST_RATIO = 3;
/** Pixels within this share of the network's are not resampled. */
const SAME_SHARE = 0.15;

const metres = (value: number): string => `${Number(value.toPrecision(3))} m`;

/** Whether a network can make something of pixels of this size. Finer ones are brought to its own. */
export function fitOf(gsdMetres: number, { gsd_m, gsd_range_m }: Choosable): Fit {
  if (gsd_m === null) {
    return {
      suitable: true,
      reason: 'Nothing says which pixels the network was trained on: they are taken as they are.',
    };
  }
  const [scene, own] = [metres(gsdMetres), metres(gsd_m)];
  const coarsest = gsd_range_m?.[1] ?? COARSEST_RATIO * gsd_m;
  if (gsdMetres > coarsest) {
    return { suitable: false, reason: `Pixels of ${scene} show too little for a network that was trained on ${own}.` };
  }
  if (gsdMetres < gsd_m * (1 - SAME_SHARE)) {
    return { suitable: true, reason: `Pixels of ${scene} are brought to the ${own} of the network.` };
  }
  if (gsdMetres > gsd_m * (1 + SAME_SHARE)) {
    const reason = `Pixels of ${scene} are coarser than the network's ${own}: expect less detail.`;
    return { suitable: true, reason };
  }
  return { suitable: true, reason: `Pixels of ${scene} are what the network was trained on.` };
}

type OwnNetwork = Choosable & { gsd_m: number };

const isOwn = (model: Choosable): model is OwnNetwork => model.gsd_m !== null && model.kind !== 'added';

/**
 * The network for a scene where none is named: the default one as long as it suits, since it maps everything; else the
 * suitable one whose pixel size is nearest; the default one also where none suits. Null where there is no network.
 */
export function chooseModel(gsdMetres: number, all: readonly Choosable[]): ModelChoice | null {
  const models = all.filter(isOwn);
  const standard = models.find(({ id }) => id === DEFAULT_NETWORK) ?? models[0];
  if (!standard) return null;
  const distance = (model: OwnNetwork) => Math.abs(Math.log(gsdMetres / model.gsd_m));
  const suitable = models.filter((model) => fitOf(gsdMetres, model).suitable).sort((a, b) => distance(a) - distance(b));
  const scene = metres(gsdMetres);
  if (suitable.length === 0) {
    const reason = `No network suits pixels of ${scene}; ${standard.id} (${metres(standard.gsd_m)}) comes nearest, expect a poor map.`;
    return { id: standard.id, reason };
  }
  if (!suitable.includes(standard)) {
    const [nearest] = suitable;
    const reason = `${nearest.id} is the network for pixels of ${scene}; ${standard.id} was trained on ${metres(standard.gsd_m)}.`;
    return { id: nearest.id, reason };
  }
  const reason = `${standard.id} maps ${classList(standard)} and suits pixels of ${scene}.${finer(gsdMetres, standard, suitable)}`;
  return { id: standard.id, reason };
}

/** A network that would see more of an image that is finer than the chosen network's pixels. */
function finer(gsdMetres: number, standard: OwnNetwork, suitable: readonly OwnNetwork[]): string {
  const other = suitable.find((model) => model.gsd_m < standard.gsd_m && gsdMetres < standard.gsd_m / 2);
  if (!other) return '';
  return ` ${other.id} sees pixels of ${metres(other.gsd_m)} and draws ${classList(other)} more finely.`;
}

function classList({ classes }: Choosable): string {
  const names = classes.map(({ name }) => name).filter((name) => !['other', 'background'].includes(name));
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : (names[0] ?? 'classes');
}

/** Why a job runs this network: the choice's own reason, or that it was named. */
export function modelReason(gsdMetres: number, id: string, models: readonly Choosable[]): string {
  const choice = chooseModel(gsdMetres, models);
  return choice?.id === id ? choice.reason : `${id} was asked for.`;
}

/** The network that is taken when none is named. */
export const DEFAULT_NETWORK = 'landuse-unet';
