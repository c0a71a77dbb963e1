/**
 * Messages to an address that somebody named, signed as Standard Webhooks have it (https://www.standardwebhooks.com,
 * version 1), so that receivers check them with any of its libraries:
 *
 *   webhook-id         of the message, the same however often it is sent
 *   webhook-timestamp  of this attempt, seconds since 1970
 *   webhook-signature  v1,BASE64 of HMAC-SHA-256(secret, "id.timestamp.body")
 */
import { createHmac } from 'node:crypto';
import { Problem } from '../../errors/problem.ts';
import type { RemotePolicy } from './policy.ts';
import { shownAddress } from './request.ts';

/** Name of the environment variable that holds the secret. */
export const WEBHOOK_SECRET = 'PLANIMETER_WEBHOOK_SECRET';

/** The specification's bounds, bytes. */
const [LEAST_SECRET, MOST_SECRET] = [24, 64];
const ANSWER_MS = 15_000;

export interface Webhook {
  url: URL;
  secret: Buffer;
  policy: RemotePolicy;
}

/** The secret of the environment: base64, as `whsec_…` or without that. Throws Problem bad_request, which tells none of it. */
export function webhookSecret(text: string | undefined): Buffer {
  const how = `set ${WEBHOOK_SECRET} to ${LEAST_SECRET} to ${MOST_SECRET} random bytes in base64 ("openssl rand -base64 32")`;
  if (!text) throw new Problem('bad_request', `Webhooks are signed: ${how}, and give it to the receiver.`);
  const base64 = text.replace(/^whsec_/, '');
  const secret = Buffer.from(base64, 'base64');
  const whole = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && secret.length >= LEAST_SECRET && secret.length <= MOST_SECRET;
  if (!whole) throw new Problem('bad_request', `${WEBHOOK_SECRET} is no such secret: ${how}.`);
  return secret;
}

export function signatureOf(secret: Buffer, id: string, timestampS: number, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestampS}.${body}`).digest('base64')}`;
}

/**
 * Resolves when the receiver has taken it (status 2xx). Redirects are not followed: the message is for whom it was
 * signed. Throws Problem remote_unreachable otherwise, and an AbortError when it was interrupted.
 */
export async function sendWebhook(
  { url, secret, policy }: Webhook,
  { id, body }: { id: string; body: string },
  signal: AbortSignal,
): Promise<void> {
  policy.checkUrl(url);
  const timestampS = Math.floor(Date.now() / 1000);
  const late = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Planimeter',
      'webhook-id': id,
      'webhook-timestamp': String(timestampS),
      'webhook-signature': signatureOf(secret, id, timestampS, body),
    },
    body,
    signal: AbortSignal.any([signal, late]),
  }).catch((error: Error & { cause?: NodeJS.ErrnoException }) => {
    signal.throwIfAborted();
    const why = late.aborted ? 'it does not answer' : `the connection fails (${error.cause?.code ?? error.name})`;
    throw new Problem('remote_unreachable', `${shownAddress(url)} was not told: ${why}.`);
  });
  await response.body?.cancel();
  if (response.ok) return;
  throw new Problem('remote_unreachable', `${shownAddress(url)} was not told: it answers with ${response.status}.`);
}
