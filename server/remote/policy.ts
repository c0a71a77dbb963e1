/**
 * The hosts that imagery may be read from, as an operator names them, become a policy that every address is held
 * against, and every address that a name leads to. Without it a service that fetches for others is a way into the
 * network that it stands in.
 *
 * `PLANIMETER_REMOTE_HOSTS`, separated by commas:
 *   example.com            this host by https, on its default port; `example.com:8443` on another one
 *   *.example.com          its subdomains; `*` alone: any host
 *   s3://bucket            this bucket, read with the credentials that s3.ts finds; `s3://*` all that they can read
 *   http://host:8080       without encryption, on this port alone
 *   10.20.0.0/16, ::1      addresses that are not public, to which the hosts above may lead; of other hosts they are
 *                          refused
 */
import { BlockList, isIP } from 'node:net';
import { Problem } from '../../errors/problem.ts';

/** Name of the environment variable. */
export const REMOTE_HOSTS = 'PLANIMETER_REMOTE_HOSTS';

export interface RemotePolicy {
  /** Throws Problem remote_forbidden for what may not be asked. Redirects are held against it one by one. */
  checkUrl(url: URL): void;
  /** Throws Problem remote_forbidden where the host of the URL leads to an address that may not be connected to. */
  checkAddress(address: string, url: URL): void;
}

interface Rule {
  protocol: string;
  /** In lower case; with the leading `*` where subdomains are meant. */
  host: string;
  port: string;
}

/** IANA's special-purpose registries (RFC 6890): addresses that are not those of public hosts. */
const SPECIAL_V4 = [
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24',
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
];
/** Of IPv6 only 2000::/3 is public; these are in it. Those of 6to4 and Teredo lead to IPv4 addresses. */
const SPECIAL_V6 = ['2001::/23 2001:db8::/32 2002::/16 3fff::/20'];

const listOf = (ranges: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [address, bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return list;
};
const SPECIAL = listOf([...SPECIAL_V4, ...SPECIAL_V6].flatMap((line) => line.split(' ')));
const PUBLIC_V6 = listOf(['2000::/3']);

/** Whether an address, as the resolver writes it, is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !SPECIAL.check(address, 'ipv4');
  return family === 6 && PUBLIC_V6.check(address, 'ipv6') && !SPECIAL.check(address, 'ipv6');
}

const within = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** The host of a URL as an address or a name, without the brackets of IPv6. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').toLowerCase();

const forbidden = (detail: string): Problem => new Problem('remote_forbidden', detail);

const notPublic = (url: URL): Problem =>
  forbidden(`"${hostOf(url)}" is not a host of the public internet, so nothing is read from it.`);

/** Nothing but https, http and s3, and no credentials: they would be stored with the scene. */
function checkForm(url: URL): void {
  if (!['https:', 'http:', 's3:'].includes(url.protocol)) {
    throw forbidden(`Images are read by https:// or s3://, not by ${url.protocol}//.`);
  }
  if (url.username || url.password) {
    throw forbidden('The address holds a user name or a password; give one that needs none, or a signed one.');
  }
}

/** The policy that an operator's list makes; null where it is empty: then nothing is read from elsewhere. */
export function parseRemoteHosts(text: string | undefined): RemotePolicy | null {
  const entries = (text ?? '').split(',').map((entry) => entry.trim().toLowerCase());
  const rules: Rule[] = [];
  const ranges: string[] = [];
  for (const entry of entries.filter(Boolean)) {
    if (isIP(entry.split('/')[0])) ranges.push(checkedRange(entry));
    else rules.push(parseRule(entry));
  }
  if (rules.length === 0) return null;
  const allowed = listOf(ranges);
  return {
    checkUrl(url) {
      checkForm(url);
      if (rules.some((rule) => matches(rule, url))) return;
      const host = `${url.protocol === 'https:' ? '' : `${url.protocol}//`}${url.host}`;
      throw forbidden(
        `Nothing may be read from "${host}" here; whoever runs the service names hosts in ${REMOTE_HOSTS}.`,
      );
    },
    checkAddress(address, url) {
      if (!isPublicAddress(address) && !within(allowed, address)) throw notPublic(url);
    },
  };
}

/**
 * The policy for an address that the user of a command line names: they may read what they can reach. Where its server
 * sends them on, only public hosts are followed to.
 */
export function policyOfUser(named: URL): RemotePolicy {
  return {
    checkUrl(url) {
      checkForm(url);
      if (named.protocol === 'https:' && url.protocol === 'http:') {
        throw forbidden(`The server leads on to "${url.host}" without encryption; give that address if you trust it.`);
      }
    },
    checkAddress(address, url) {
      if (url.host !== named.host && !isPublicAddress(address)) throw notPublic(url);
    },
  };
}

function checkedRange(entry: string): string {
  const [address, bits, ...rest] = entry.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const valid = rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
  if (valid) return entry;
  throw new Problem('bad_request', `${REMOTE_HOSTS}: "${entry}" is no range of addresses; write one as 10.20.0.0/16.`);
}

const RULE = /^(?:(https|http|s3):\/\/)?(\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*)(?::(\d{1,5}))?$/;

function parseRule(entry: string): Rule {
  const found = RULE.exec(entry);
  if (!found) {
    const forms = 'example.com, *.example.com, example.com:8443, http://host:8080, s3://bucket, 10.20.0.0/16';
    throw new Problem('bad_request', `${REMOTE_HOSTS}: "${entry}" is none of these: ${forms}.`);
  }
  const [, scheme = 'https', host, port = ''] = found;
  const usual = (scheme === 'https' && port === '443') || (scheme === 'http' && port === '80');
  return { protocol: `${scheme}:`, host, port: usual ? '' : port };
}

function matches({ protocol, host, port }: Rule, url: URL): boolean {
  if (url.protocol !== protocol || url.port !== port) return false;
  const name = hostOf(url);
  if (host === '*') return true;
  return host.startsWith('*.') ? name.endsWith(host.slice(1)) : name === host;
}
