/** Calls to a bucket by the AWS SDK, which is loaded with the first of them: who uses a folder does not pay for it. */
import type { S3 } from '@aws-sdk/client-s3';
import { Problem } from '../../../errors/problem.ts';
import { ownEndpointOf, regionOf, s3ClientConfig } from '../../remote/s3.ts';
import { StoreUnreachable } from './unreachable.ts';

export interface BucketOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** How often a request is tried where the server fails or does not answer. */
  attempts?: number;
  /** How long a connection may be without a byte. */
  timeoutMs?: number;
  /** Called for each request that failed or was not answered, and is tried again or given up. */
  onFault?: (method: string) => void;
}

export interface Bucket {
  name: string;
  /** Before all keys: empty, or with a slash at its end. */
  prefix: string;
  /**
   * Rejects with Refused for an answer that says no, with StoreUnreachable where there is none after all attempts, and with
   * Problem bad_request where there are no credentials.
   * @param doing what is done, for the message of an error
   */
  call<Output>(doing: string, send: (s3: S3) => Promise<Output>): Promise<Output>;
}

/** The store answers that it will not do what was asked. */
export class Refused extends Error {
  readonly status: number;
  constructor(message: string, status: number, cause: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

export const ATTEMPTS = 6;
const TIMEOUT_MS = 120_000;

/** Throws Problem bad_request for an address that is none. */
export function openBucket(address: string, options: BucketOptions): Bucket {
  const { env, attempts = ATTEMPTS } = options;
  const { hostname: name, pathname } = new URL(address);
  if (!/^s3:\/\/[\w.-]+(\/[\w.-]+)*\/?$/.test(address)) {
    throw new Problem('bad_request', 'The store is named as s3://BUCKET or s3://BUCKET/PREFIX.');
  }
  const folder = pathname.replace(/^\/|\/$/g, '');
  let connecting: Promise<S3> | undefined;
  let answered = false;
  return {
    name,
    prefix: folder && `${folder}/`,
    async call(doing, send) {
      connecting ??= connect(options);
      try {
        const output = await send(await connecting);
        answered = true;
        return output;
      } catch (error) {
        if ((error as Error).name === 'CredentialsProviderError' && !answered) throw noCredentials(error);
        const status = statusOf(error);
        if (status === undefined || isFault(error)) {
          const what = `${doing}: the file store at ${s3Endpoint(env)} does not answer in ${attempts} attempts`;
          throw new StoreUnreachable(what, { cause: error });
        }
        throw new Refused(`${doing}: the file store answers ${status} ${(error as Error).name}`, status, error);
      }
    },
  };
}

/** Null where there is no such object or upload. */
export function ifThere<Output>(answer: Promise<Output>): Promise<Output | null> {
  return answer.catch((error) => {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  });
}

/** The address of the S3 server that the environment names. */
export function s3Endpoint(env: BucketOptions['env']): string {
  return ownEndpointOf(env) ?? `https://s3.${regionOf(env)}.amazonaws.com`;
}

async function connect({ env, attempts = ATTEMPTS, timeoutMs = TIMEOUT_MS, onFault }: BucketOptions): Promise<S3> {
  const { S3 } = await import('@aws-sdk/client-s3');
  const s3 = new S3({
    ...s3ClientConfig(env),
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: timeoutMs, socketTimeout: timeoutMs },
    // Other makes of S3 do not know the newer sums, nor that a client waits to be told to go on.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
  });
  s3.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (isFault(error)) onFault?.((args.request as { method: string }).method);
        throw error;
      }
    },
    { step: 'deserialize', priority: 'high', name: 'countFaults' },
  );
  return s3;
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** Something that another attempt may do better. */
function isFault(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 429;
}

const noCredentials = (cause: unknown) =>
  new Problem(
    'bad_request',
    'A store in S3 needs credentials, and none were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ' +
      'AWS_PROFILE, or give this machine or container a role.',
    { cause },
  );
