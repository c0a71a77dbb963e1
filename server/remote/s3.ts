/**
 * `s3://bucket/key` becomes the https address of the object, and requests for it are signed. Of the AWS SDK the chain of
 * credentials and the signer serve; the request itself is made in request.ts, to addresses that were checked.
 *
 * Without credentials nothing is signed: public buckets can be read.
 */
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { Problem } from '../../errors/problem.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Adds the headers of a signature to those of a GET; null where there are no credentials. */
export type Sign = (url: URL, headers: Record<string, string>) => Promise<Record<string, string> | null>;

export interface S3Target {
  url: URL;
  /** Whether the operator named the endpoint, which may then lie in their own network. */
  ownEndpoint: boolean;
}

/** How long no credentials are looked for after there were none: the search can take seconds. */
const NONE_MS = 5 * 60_000;

export const regionOf = (env: Environment): string => env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';

/** The address of an S3-compatible server that the operator named. */
export const ownEndpointOf = (env: Environment): string | undefined =>
  env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined;

/**
 * The keys of the environment; without them the SDK goes along its chain: a profile, SSO, a web identity's token, the
 * role of a container or of a machine. Its own server is asked with the bucket in the path.
 */
export function s3ClientConfig(env: Environment): S3ClientConfig {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const sessionToken = env.AWS_SESSION_TOKEN;
  const endpoint = ownEndpointOf(env);
  return {
    region: regionOf(env),
    forcePathStyle: true,
    ...(endpoint && { endpoint }),
    ...(accessKeyId &&
      secretAccessKey && { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } }),
  };
}

export function s3Target(address: URL, env: Environment): S3Target {
  const bucket = address.hostname;
  const key = encodedKey(address.pathname.slice(1));
  if (!bucket || !key) throw new Problem('bad_request', 'An object is named as s3://BUCKET/KEY.');
  const endpoint = ownEndpointOf(env);
  // In the path where a certificate would not hold for the bucket's name as a subdomain.
  const inPath = endpoint !== undefined || bucket.includes('.');
  const base = endpoint ?? `https://${inPath ? '' : `${bucket}.`}s3.${regionOf(env)}.amazonaws.com`;
  const url = new URL(`${base.replace(/\/+$/, '')}/${inPath ? `${bucket}/` : ''}${key}`);
  return { url, ownEndpoint: endpoint !== undefined };
}

/** As signatures have it: of a key's characters all are encoded but letters, digits and `-._~/`. */
function encodedKey(path: string): string {
  let key = path;
  try {
    key = decodeURIComponent(path);
  } catch {
    // a key with a percent sign of its own
  }
  const encoded = encodeURIComponent(key).replaceAll('%2F', '/');
  return encoded.replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Loads the SDK with the first request. Rejects where there were credentials and no new ones can be had. */
export function createSigner(env: Environment): Sign {
  let loading: Promise<S3Client> | undefined;
  let hadCredentials = false;
  let noneUntil = 0;
  return async (url, headers) => {
    if (noneUntil > Date.now()) return null;
    loading ??= import('@aws-sdk/client-s3').then(({ S3Client }) => new S3Client(s3ClientConfig(env)));
    const { config } = await loading;
    try {
      await config.credentials();
      hadCredentials = true;
    } catch (error) {
      if (hadCredentials || (error as Error).name !== 'CredentialsProviderError') throw error;
      noneUntil = Date.now() + NONE_MS;
      return null;
    }
    const signer = await config.signer();
    // No more is signed than S3 asks for: what lies between may change other headers.
    const signed = await signer.sign({
      method: 'GET',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: { host: url.host },
    });
    return { ...headers, ...signed.headers };
  };
}
