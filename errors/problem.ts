/**
 * The one list of things that can go wrong with what people hand in: a stable code, the HTTP status it becomes, and a
 * title. The sentence that says what to do is given where the problem is found.
 */
export const PROBLEMS = {
  not_cloud_optimised: [422, 'The image cannot be read in place'],
  remote_forbidden: [403, 'This address may not be read'],
  remote_unreachable: [422, 'The remote image cannot be had'],
  remote_unsuitable: [422, 'The server of the image cannot be read from in parts'],
  remote_changed: [409, 'The remote image has changed'],
  not_a_tiff: [422, 'The file is not a TIFF'],
  damaged_tiff: [422, 'The TIFF is damaged or incomplete'],
  unsupported_raster: [422, 'This kind of raster is not supported yet'],
  missing_crs: [422, 'The image does not say where it lies'],
  unknown_crs: [422, 'The coordinate reference system is not known'],
  empty_raster: [422, 'The image holds no valid pixels'],
  too_small: [422, 'The image is too small to segment'],
  limit_exceeded: [422, 'The file exceeds a limit'],
  too_large: [413, 'The upload is too large'],
  aoi_outside: [422, 'The area of interest and the image are apart'],
  bad_request: [400, 'The request is not understood'],
  forbidden: [403, 'This is not allowed from here'],
  unauthorized: [401, 'A token is needed'],
  not_allowed: [403, 'The token does not allow this'],
  quota_bytes: [413, 'The workspace is full'],
  quota_jobs: [429, 'The workspace has enough to do'],
  quota_pixels: [429, 'The workspace has mapped enough for now'],
  rate_limited: [429, 'Too many requests'],
  query_too_slow: [504, 'The answer takes too long to find'],
  not_found: [404, 'There is nothing here'],
  conflict: [409, 'This cannot be done in the present state'],
  unsupported_model: [422, 'The network cannot be used for segmentation'],
  damaged_model: [422, 'The file is not a whole ONNX network'],
  external_data: [422, 'The weights of the network lie in other files'],
  custom_operator: [422, 'The network uses operators that are not part of ONNX'],
  classification_model: [422, 'The network tells what an image is, not where things are'],
  recognition_model: [422, 'The network describes images by vectors, not by classes'],
  regression_model: [422, 'The network gives amounts, not classes'],
  super_resolution_model: [422, 'The network gives images, not classes'],
  volumetric_model: [422, 'The network takes volumes, not images'],
  bands_missing: [422, 'The image lacks bands that the network takes'],
  unusable_output: [422, 'The answers of the network cannot be used'],
  device_unavailable: [422, 'The device cannot be used'],
  data_folder_locked: [409, 'The data folder is in use'],
  token_needed: [409, 'There is no token yet'],
  workspaces_unavailable: [409, 'The database cannot keep workspaces apart'],
  store_mismatch: [409, 'The folder is not that of the database'],
  not_ready: [503, 'The service is not ready'],
  interrupted: [500, 'The work was interrupted'],
  internal: [500, 'Something went wrong on our side'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What is sent, stored and printed of a problem: RFC 9457 members and our stable `code`. */
export interface ProblemJson {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
}

/** A refusal that people can act on. `detail` says what was found and what to do about it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  /** Where a standard has an address for what went wrong, that. */
  readonly type: string;
  /** Where it goes away by itself, when to try again. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ProblemCode,
    detail: string,
    options: ErrorOptions & { type?: string; retryAfterSeconds?: number } = {},
  ) {
    super(detail, options);
    this.name = 'Problem';
    this.code = code;
    this.type = options.type ?? 'about:blank';
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  toJSON(): ProblemJson {
    const [status, title] = PROBLEMS[this.code];
    return { type: this.type, title, status, code: this.code, detail: this.message };
  }
}

/** Revives a problem that crossed a process border as JSON. */
export function problemFromJson(json: Pick<ProblemJson, 'code' | 'detail'>): Problem {
  return new Problem(json.code, json.detail);
}
