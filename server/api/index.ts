/** The JSON that the HTTP interface speaks; the viewer imports these types and nothing else of ours. */

export type * from './features.ts';
export type * from './jobs.ts';
export type * from './scenes.ts';

export interface ProblemJson {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
}

export interface Finding {
  code: string;
  severity: 'info' | 'warning' | 'error';
  message: string;
  fix?: string;
  /** The figures of the message. */
  params?: Record<string, unknown>;
  /** Members of a job request that are the fix. */
  job?: { model?: string; parameters?: Record<string, unknown> };
}

export interface Assumption {
  code: string;
  value: unknown;
  reason: string;
}

export interface ModelClass {
  name: string;
  /** Code in the class map. */
  value: number;
  /** `#rrggbb` */
  color: string;
}

export interface ModelJson {
  id: string;
  name: string;
  description: string;
  /** The program's own, or brought by a user. */
  kind: 'shipped' | 'added';
  /** A map of classes, or boxes around objects. */
  task: 'segmentation' | 'detection';
  /** Null: images are taken as they are. */
  gsd_m: number | null;
  /** Finest and coarsest pixels that it was trained to take, where that is known. */
  gsd_range_m?: [number, number];
  classes: ModelClass[];
  /** Of the network's bytes. */
  sha256: string;
  /** What it takes, by name or number, in its order; null: red, green and blue. */
  bands: string[] | null;
  /** Whether it takes the values that a scene stores, not those that are shown. */
  stored: boolean;
  /** Part of a job's identity: the bytes, and of networks that were added how they are run. */
  identity: string;
}

export interface Link {
  href: string;
  rel: string;
  type?: string;
  title?: string;
}

/** Where networks run. */
export interface DeviceJson {
  /** What was asked for. */
  chosen: string;
  /** What is in use; null until `auto` has found it out with the first job. */
  name: string | null;
  /** Nodes of the last job's network that ran elsewhere, because the device lacks them; null before the first job. */
  fallback_nodes: number | null;
}

/** Who asks. */
export interface CallerJson {
  name: string;
  workspace: string;
  role: Role;
  /** By the cookie of a browser, so that he can sign out. */
  signed_in: boolean;
  /** The only job that he sees, who came by a link. */
  job: string | null;
}

export interface ServiceJson {
  name: 'planimeter';
  version: string;
  database: 'pglite' | 'postgresql';
  device: string;
  limits: { upload_bytes: number };
  /** A MapLibre style URL, when one is configured. */
  basemap: string | null;
  /** Whether images elsewhere can be scenes: POST /scenes with their address. */
  remote_imagery: boolean;
  caller: CallerJson;
}

/** What a token allows; each may what the ones before it may. */
export type Role = 'viewer' | 'editor' | 'admin';

/** A link by which anybody sees one job. */
export interface ShareJson {
  id: string;
  job: string;
  created_by: string;
  created_at: string;
  expires_at: string;
}

/** Something that was done. */
export interface AuditJson {
  id: number;
  at: string;
  workspace: string;
  actor: string;
  action: string;
  subject: string;
  details: Record<string, unknown>;
}

export interface TokenJson {
  id: string;
  name: string;
  workspace: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
}
