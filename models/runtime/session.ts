/** Runs a network on chips: uint8 RGB in, per pixel the class and the probability of it out (both uint8). */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import { inferAdapted } from '../imported/run.ts';
import { chipBands, type Network, type Precision, weightsOf } from '../registry.ts';
import { type Answer, CLASS_NODATA, SCORE_NODATA } from './answer.ts';
import { shareScores, softmaxOfCells, withOutput } from './class-probabilities.ts';
import { candidates, type Device, type DeviceChoice, executionProvider, unavailable } from './device.ts';
import * as ort from './onnx-runtime.ts';

export interface NetworkSession {
  readonly device: Device;
  /** Nodes of the graph that run elsewhere than on the device, because it lacks them. */
  readonly fallbackNodes: number;
  /** How many planes an answer holds. */
  readonly planeCount: number;
  /**
   * One chip. `pixels` is height * width * bands (RGB, or what the network declares); height and width are multiples of
   * the network's stride.
   * Blocks the calling thread while the network runs, so it belongs in the compute process.
   */
  infer(pixels: Pixels, width: number, height: number): Promise<Answer>;
  /** Chips of one size in one run, where the network can. */
  inferBatch?(chips: readonly Pixels[], width: number, height: number): Promise<Answer[]>;
  close(): Promise<void>;
}

export interface RunOptions {
  /** CPU threads, 0 (the default) for all cores. */
  threads?: number;
  device?: DeviceChoice;
  /** The 8-bit twin of the network: other bytes, and faster on some CPUs. */
  precision?: Precision;
  /** Answers hold the feature layer. */
  features?: boolean;
  /** Answers hold the probability of every class, behind the network's planes; of networks that tell it. */
  probabilities?: boolean;
}

/**
 * Loads a network. A named device that does not work is a problem `device_unavailable` with the reason; `auto` takes the
 * fastest of those that work.
 */
export async function openNetwork(network: Network, options: RunOptions = {}): Promise<NetworkSession> {
  const { device = 'cpu' } = options;
  if (device !== 'auto') return openOn(device, network, options);
  let best: { session: NetworkSession; milliseconds: number } | null = null;
  for (const candidate of candidates()) {
    const session = await openOn(candidate, network, options).catch((error) => {
      if (candidate === 'cpu') throw error;
      return null;
    });
    if (!session) continue;
    if (candidate === 'cpu' && !best) return session;
    const milliseconds = await timeOnce(session, network);
    if (best && best.milliseconds <= milliseconds) {
      await session.close();
      continue;
    }
    await best?.session.close();
    best = { session, milliseconds };
  }
  return best!.session;
}

const TRIAL_PIXELS = 128;

/** A run over a small chip, after the one that has warmed the session. */
async function timeOnce(session: NetworkSession, network: Network): Promise<number> {
  const side = Math.ceil(TRIAL_PIXELS / network.stride) * network.stride;
  const started = performance.now();
  await session.infer(new Uint8Array(side * side * chipBands(network)), side, side);
  return performance.now() - started;
}

async function openOn(device: Device, network: Network, options: RunOptions): Promise<NetworkSession> {
  const profile = device === 'cpu' ? null : join(tmpdir(), `planimeter-${randomUUID()}`);
  const { path, logits } = weightsOf(network, options.precision);
  const asked = options.probabilities ? logits : undefined;
  const file = asked === undefined ? path : withOutput(await readFile(path), asked); // the runtime takes both
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(file as string, {
      executionProviders: [executionProvider(device) as ort.InferenceSession.ExecutionProviderConfig],
      intraOpNumThreads: options.threads ?? 0,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      logSeverityLevel: 3,
      ...(profile && { enableProfiling: true, profileFilePrefix: profile }),
    });
  } catch (error) {
    if (device === 'cpu') throw error;
    throw unavailable(device, error);
  }
  const opened = network.adapter
    ? adaptedSession(session, network, network.adapter, options, asked)
    : ownSession(session, network, options, asked);
  const side = WARM_STRIDES * network.stride;
  try {
    await opened.infer(new Uint8Array(side * side * chipBands(network)), side, side); // the first run is slow
  } catch (error) {
    await session.release();
    if (device === 'cpu') throw error;
    throw unavailable(device, error);
  }
  if (profile) session.endProfiling();
  return { ...opened, device, fallbackNodes: profile ? await countFallbacks(profile) : 0 };
}

const WARM_STRIDES = 4;

/** Another's network: what it takes and gives is translated. */
function adaptedSession(
  session: ort.InferenceSession,
  network: Network,
  adapter: NonNullable<Network['adapter']>,
  options: RunOptions,
  asked: string | undefined,
) {
  const { features, logits: _, ...others } = network;
  const layer = options.features && features ? { features } : {};
  const adapted = {
    ...others,
    adapter,
    classes: network.classes.length,
    ...layer,
    ...(asked !== undefined && { logits: asked }),
  };
  return {
    planeCount: planeCountOf(network, options),
    async infer(pixels: Pixels, width: number, height: number) {
      const answer = await inferAdapted(session, adapted, pixels, { width, height });
      return options.probabilities ? { ...answer, planes: withProbabilities(answer) } : answer;
    },
    close: () => session.release(),
  };
}

const planeCountOf = ({ planes, classes }: Network, { probabilities }: RunOptions): number =>
  planes.length + (probabilities ? classes.length : 0);

function withProbabilities({ planes, probabilities }: { planes: Uint8Array; probabilities: Float32Array }): Uint8Array {
  const all = new Uint8Array(planes.length + probabilities.length);
  all.set(planes);
  for (const [i, share] of probabilities.entries()) all[planes.length + i] = Math.round(share * 255);
  return all;
}

/** A network with our contract: input `image`, outputs `class`, `score` and perhaps `planes`, features and logits. */
function ownSession(session: ort.InferenceSession, network: Network, options: RunOptions, logits: string | undefined) {
  const planeCount = network.planes.length;
  const codes = network.classes.map(({ value }) => value);
  const features = options.features ? network.features?.output : undefined;
  const outputs = [
    'class',
    'score',
    ...(planeCount > 0 ? ['planes'] : []),
    ...[features, logits].filter((name) => name !== undefined),
  ];
  const inferBatch = async (chips: readonly Pixels[], width: number, height: number): Promise<Answer[]> => {
    const bytes = width * height * 3;
    const pixels = chips.length === 1 ? (chips[0] as Uint8Array) : new Uint8Array(chips.length * bytes);
    if (chips.length > 1) for (const [i, chip] of chips.entries()) pixels.set(chip, i * bytes);
    const image = new ort.Tensor('uint8', pixels, [chips.length, height, width, 3]);
    const results = await session.run({ image }, outputs);
    const part = <T extends Uint8Array | Float32Array>(name: string, i: number): T => {
      const data = results[name].data as T;
      const size = data.length / chips.length;
      return data.subarray(i * size, (i + 1) * size) as T;
    };
    blankUnknown(results.class.data as Uint8Array, results.score.data as Uint8Array, network);
    return chips.map((_, i) => {
      const answer = {
        classes: part<Uint8Array>('class', i),
        scores: part<Uint8Array>('score', i),
        planes: planeCount > 0 ? part<Uint8Array>('planes', i) : NO_PLANES,
        ...(features && { features: part<Float32Array>(features, i) }),
      };
      if (!options.probabilities) return answer;
      const { classes, scores, planes } = answer;
      const probabilities =
        logits === undefined
          ? shareScores(classes, scores, codes)
          : softmaxOfCells(part(logits, i), codes.length, height / results[logits].dims[2], { width, height });
      return { ...answer, planes: withProbabilities({ planes, probabilities }) };
    });
  };
  return {
    planeCount: planeCountOf(network, options),
    inferBatch,
    infer: async (pixels: Pixels, width: number, height: number) => (await inferBatch([pixels], width, height))[0],
    close: () => session.release(),
  };
}

/** Codes that the network has no class for become nodata. */
function blankUnknown(classes: Uint8Array, scores: Uint8Array, network: Network): void {
  const known = new Uint8Array(256);
  for (const { value } of network.classes) known[value] = 1;
  for (let i = 0; i < classes.length; i++) {
    if (known[classes[i]]) continue;
    classes[i] = CLASS_NODATA;
    scores[i] = SCORE_NODATA;
  }
}

const NO_PLANES = new Uint8Array(0);

/** Reads the profile of the first run, and removes it: nodes by the provider that ran them. */
async function countFallbacks(profile: string): Promise<number> {
  const files = (await readdir(tmpdir()))
    .map((name) => join(tmpdir(), name))
    .filter((path) => path.startsWith(profile));
  const fallen = new Set<string>();
  for (const path of files) {
    const events = JSON.parse(await readFile(path, 'utf8')) as { name: string; args?: { provider?: string } }[];
    for (const { name, args } of events) if (args?.provider === 'CPUExecutionProvider') fallen.add(name);
    await rm(path, { force: true });
  }
  return fallen.size;
}

export interface SessionSource {
  open(): Promise<NetworkSession>;
  /** A fresh one, after a failure that may have left the old one unusable. */
  reopen(): Promise<NetworkSession>;
}
