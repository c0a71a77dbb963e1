/** What the HTTP interface stands on; handed in, so that every route runs in a test without the pipeline. */

import type { Proof } from '../../../models/verify/verify-windows.ts';
import type { Palette } from '../../../tiler/rendering/map-tile.ts';
import type { ControlGrid } from '../../../tiler/rendering/warp.ts';
import type { SceneView } from '../../../tiler/working-copy/scene-view.ts';
import type { DrawnStratum, DrawRequest } from '../../accuracy/draw-units.ts';
import type { DeviceJson, ModelJson, ServiceJson } from '../../api/index.ts';
import type { NetworkCatalog } from '../../networks/network-catalog.ts';
import type { Caller } from '../../operations/caller.ts';
import type { Metrics } from '../../operations/metrics.ts';
import type { Limits } from '../../operations/quotas.ts';
import type { JobParameters } from '../../pipeline/job-parameters.ts';
import type { preflight } from '../../pipeline/preflight.ts';
import type { PixelValues } from '../../processes/render-entry.ts';
import type { Queue } from '../../queue/queue.ts';
import type { RemoteSceneRequest } from '../../scenes/add-remote-scene.ts';
import type { Remade } from '../../scenes/ingest-scene.ts';
import type { ReadyScene } from '../../scenes/ready-scene.ts';
import type { ConfinedDatabase, Database } from '../../store/database/database.ts';
import type { FileStore } from '../../store/files/file-store.ts';
import type { Room } from '../../store/files/free-room.ts';
import type { Job } from '../../store/tables/jobs.ts';
import type { SceneTeaching, Teach } from '../../teaching/teach-scenes.ts';
import type { Access } from './access.ts';
import type { PublicAddress } from './public-address.ts';

export interface TileRequest {
  /** Of a raster, or of one that is being written: see tiler/geotiff/sparse-tiff.ts. */
  path: string;
  /** Paths of the shards that there are, of a map that lies in shards. */
  shards?: readonly string[];
  controlGrid: ControlGrid;
  /** Of a scene; without it the scene's own. */
  view?: SceneView;
  /** Colours of the codes of a class map or a score map. */
  palette?: Palette;
  format: 'webp' | 'png' | 'jpg';
  /** Pixels along a side of the tile. */
  size: number;
}

export interface AppContext {
  /** For what is no one workspace's; routes ask the database of their caller: see caller.ts. */
  allWorkspaces: Database;
  access: Access;
  files: FileStore;
  queue: Queue;
  /** The first one is used where a job names none. Changes as networks are added and removed. */
  models: readonly ModelJson[];
  networks: NetworkCatalog;
  /** Of the service what is the same for everybody. */
  service: Omit<ServiceJson, 'caller'>;
  /** What networks run on. */
  device(): DeviceJson;
  metrics: Metrics;
  limits: Limits;
  /** On the file system of the file store, since finished uploads are moved there. */
  uploadFolder: string;
  viewerFolder: string | null;
  room: Room;
  /** Under which address clients reach it. */
  publicAddress: PublicAddress;
  /** Names beside loopback ones under which the service answers; 'any' where it is bound to more than loopback. */
  allowedHosts?: readonly string[] | 'any';
  /** Runs in the render child process; null is an empty tile. */
  renderTile(request: TileRequest): Promise<Buffer | null>;
  /** Of a working COG or a map, the pixel at a position of its CRS; null beyond it. In the render child process. */
  readPixel(path: string, x: number, y: number): Promise<PixelValues | null>;
  /** Sees to it that the tiles of a finished job are kept, if it is worth it; does not wait for that. */
  keepTiles(job: Job): void;
  /** Computes random windows of a finished job's map once more, in the compute process. */
  prove(jobId: string, windows: { seed: number; windows: number }): Promise<Proof>;
  /** Reads a finished job's class map in a child process. */
  drawUnits(request: DrawRequest): Promise<DrawnStratum[]>;
  /** Completes a job's parameters with what is chosen for this machine. Throws `bad_request`. */
  settle(parameters: JobParameters, modelId: string): Promise<JobParameters>;
  /** Checks what a network is to be taught by; what it returns teaches it in a child process, one after the other. */
  teach(request: SceneTeaching): Teach;
  /** Looks at a ready scene in a child process. */
  preflight(scene: ReadyScene): ReturnType<typeof preflight>;
  /** Makes a working copy again, in a child process. Throws `damaged` where the original is, too. */
  remakeWorkingCopy(scene: ReadyScene): Promise<Remade>;
  /** Returns the id of a scene that is read where it lies; it stands in the database already. */
  addRemoteScene(db: ConfinedDatabase, caller: Caller, request: RemoteSceneRequest): Promise<string>;
  /** Returns the id of a scene that stands in the database already; its image is generated in a child process. */
  addDemoScene(db: ConfinedDatabase, caller: Caller): Promise<string>;
}
