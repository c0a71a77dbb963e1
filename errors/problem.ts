/**
 * The one list of things that can go wrong with what people hand in: a stable code, the HTTP status it becomes, and a
 * title. The sentence that says what to do is given where the problem is found.
 */
export const PROBLEMS = {
  not_cloud_optimised: [422, 'The image is not a cloud-optimised GeoTIFF'],
  remote_forbidden: [403, 'Reading from this address is not allowed'],
  remote_unreachable: [422, 'The remote image could not be retrieved'],
  remote_unsuitable: [422, 'The server does not support range requests'],
  remote_changed: [409, 'The remote image has changed'],
  not_a_tiff: [422, 'The file is not a TIFF'],
  damaged_tiff: [422, 'The TIFF is damaged or incomplete'],
  damaged_archive: [422, 'The ZIP archive is damaged or incomplete'],
  unsupported_archive: [422, 'The ZIP archive cannot be used as it is'],
  unsupported_raster: [422, 'Unsupported kind of raster'],
  missing_crs: [422, 'Missing coordinate reference system'],
  unknown_crs: [422, 'Unknown coordinate reference system'],
  empty_raster: [422, 'The image has no valid pixels'],
  too_small: [422, 'The image is too small to segment'],
  limit_exceeded: [422, 'The file exceeds a limit'],
  too_large: [413, 'The upload is too large'],
  aoi_outside: [422, 'The area of interest does not overlap the image'],
  bad_request: [400, 'Invalid request'],
  forbidden: [403, 'Request origin not allowed'],
  unauthorized: [401, 'Authentication required'],
  not_allowed: [403, 'Insufficient permissions'],
  quota_bytes: [413, 'Storage quota reached'],
  quota_scenes: [409, 'Image quota reached'],
  quota_shares: [409, 'Share link quota reached'],
  quota_tokens: [409, 'Token quota reached'],
  quota_labels: [409, 'Label quota reached'],
  quota_jobs: [429, 'Job quota reached'],
  quota_pixels: [429, 'Daily pixel quota reached'],
  rate_limited: [429, 'Too many requests'],
  too_many_heavy: [429, 'Too many heavy requests at once'],
  query_too_slow: [504, 'The query took too long'],
  busy: [503, 'The service is busy'],
  not_found: [404, 'Not found'],
  conflict: [409, 'Not possible in the current state'],
  unsupported_model: [422, 'Unsupported network'],
  damaged_model: [422, 'Damaged or incomplete ONNX file'],
  external_data: [422, 'Weights in external files are not supported'],
  custom_operator: [422, 'Custom ONNX operators are not supported'],
  classification_model: [422, 'Classification networks are not supported'],
  recognition_model: [422, 'Embedding networks are not supported'],
  regression_model: [422, 'Regression networks are not supported'],
  super_resolution_model: [422, 'Super-resolution networks are not supported'],
  volumetric_model: [422, 'Volumetric networks are not supported'],
  bands_missing: [422, 'The image lacks bands that the network needs'],
  not_teachable: [422, 'This network cannot be taught'],
  labels_unusable: [422, 'The labels cannot be used'],
  unusable_output: [422, 'Unusable network output'],
  device_unavailable: [422, 'Device not available'],
  address_unusable: [503, 'The service cannot listen there'],
  database_unreachable: [503, 'The database cannot be reached'],
  database_unprepared: [503, 'The database is not prepared'],
  data_folder_locked: [409, 'The data folder is in use'],
  database_put_aside: [503, 'The database was put aside'],
  database_incomplete: [503, 'The database is incomplete'],
  token_needed: [409, 'No access token exists yet'],
  workspaces_unavailable: [409, 'Workspaces are not available'],
  store_mismatch: [409, 'The file store belongs to another database'],
  damaged: [500, 'Stored data is damaged'],
  no_room: [507, 'No room left'],
  not_ready: [503, 'The service is not ready'],
  interrupted: [500, 'The work was interrupted'],
  internal: [500, 'Internal error'],
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
