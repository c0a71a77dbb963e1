/**
 * `s3://bucket/key` becomes the https address of the object, and requests for it are signed, by the environment that
 * AWS's own tools read: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (any S3-compatible store), AWS_REGION or
 * AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Without a key nothing is signed:
 * public buckets can be read.
 */
import { AwsV4Signer } from 'aws4fetch';
import { Problem } from '../../errors/problem.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type Sign = (url: URL, headers: Record<string, string>, method?: string) => Promise<Record<string, string>>;

export interface S3Target {
  url: URL;
  /** Whether the operator named the endpoint, which may then lie in their own network. */
  ownEndpoint: boolean;
  sign: Sign | null;
}

export const regionOf = (env: Environment): string => env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';

export function s3Target(address: URL, env: Environment): S3Target {
  const bucket = address.hostname;
  const key = encodedKey(address.pathname.slice(1));
  if (!bucket || !key) throw new Problem('bad_request', 'An object is named as s3://BUCKET/KEY.');
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const region = regionOf(env);
  // In the path where a certificate would not hold for the bucket's name as a subdomain.
  const inPath = endpoint !== undefined || bucket.includes('.');
  const base = endpoint ?? `https://${inPath ? '' : `${bucket}.`}s3.${region}.amazonaws.com`;
  const url = new URL(`${base.replace(/\/+$/, '')}/${inPath ? `${bucket}/` : ''}${key}`);
  return { url, ownEndpoint: endpoint !== undefined, sign: signer(env, region) };
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

/** Null without a key. */
export function signer(env: Environment, region: string): Sign | null {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const sessionToken = env.AWS_SESSION_TOKEN;
  if (!accessKeyId || !secretAccessKey) return null;
  return async (url, headers, method = 'GET') => {
    const signed = await new AwsV4Signer({
      url: url.href,
      method,
      headers,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken && { sessionToken }),
      service: 's3',
      region,
    }).sign();
    return Object.fromEntries(signed.headers as unknown as Iterable<[string, string]>);
  };
}
