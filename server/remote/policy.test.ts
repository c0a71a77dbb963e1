import { expect, test } from 'vitest';
import { isPublicAddress, parseRemoteHosts, policyOfUser, type RemotePolicy } from './policy.ts';

const allows = (policy: RemotePolicy | null, url: string, address = '93.184.215.14'): boolean => {
  try {
    policy!.checkUrl(new URL(url));
    policy!.checkAddress(address, new URL(url));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'remote_forbidden' });
    return false;
  }
};

test('nothing is allowed unless hosts are named', () => {
  expect(parseRemoteHosts(undefined)).toBeNull();
  expect(parseRemoteHosts(' , ')).toBeNull();
  expect(parseRemoteHosts('10.0.0.0/8'), 'addresses alone name no host').toBeNull();
});

test('hosts, subdomains, ports, plain http and buckets', () => {
  const policy = parseRemoteHosts('Example.com, *.tiles.org, data.net:8443, http://intra:8080, s3://maps');
  const judged = (url: string) => allows(policy, url);
  const allowed = [
    'https://example.com/a.tif',
    'https://EXAMPLE.com:443/a.tif',
    'https://a.tiles.org/x',
    'https://a.b.tiles.org/x',
    'https://data.net:8443/x',
    'http://intra:8080/x',
    's3://maps/a/b.tif',
  ];
  const refused = [
    'http://example.com/a.tif',
    'https://example.com:8443/a.tif',
    'https://evilexample.com/a.tif',
    'https://example.com.evil.org/a.tif',
    'https://example.com./a.tif',
    'https://tiles.org/x',
    'https://data.net/x',
    'http://intra/x',
    's3://other/a.tif',
    'https://user@example.com/a.tif',
    'https://user:secret@example.com/a.tif',
    'ftp://example.com/a.tif',
    'file:///etc/passwd',
  ];
  expect(allowed.filter((url) => !judged(url))).toEqual([]);
  expect(refused.filter(judged)).toEqual([]);
});

test('a name must lead to public addresses, unless the operator names others', () => {
  const strict = parseRemoteHosts('*');
  const own = parseRemoteHosts('*, 10.20.0.0/16, ::1');
  const url = 'https://example.com/a.tif';
  expect(allows(strict, url, '2606:2800:21f:cb07:6820:80da:af6b:8b2c')).toBe(true);
  expect(allows(strict, url, '10.20.1.1')).toBe(false);
  expect(allows(own, url, '10.20.1.1')).toBe(true);
  expect(allows(own, url, '::1')).toBe(true);
  expect(allows(own, url, '10.21.1.1')).toBe(false);
});

test('special addresses are not public', () => {
  const special = [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.9.9.9', '169.254.169.254', '172.16.0.1', '172.31.9.9'],
    ...['192.0.0.8', '192.168.1.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1', 'fc00::1'],
    ...[
      'fd00:ec2::254',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '2001::1',
      'ff02::1',
    ],
    ...['2001:db8::1', '', 'localhost'],
  ];
  expect(special.filter(isPublicAddress)).toEqual([]);
  const usual = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::200e'];
  expect(usual.filter((address) => !isPublicAddress(address))).toEqual([]);
});

test('who names an address on the command line may read it, and is led on to public hosts alone', () => {
  const policy = policyOfUser(new URL('https://nas.local/x.tif'));
  expect(allows(policy, 'https://nas.local/y.tif', '192.168.1.4')).toBe(true);
  expect(allows(policy, 'https://example.com/y.tif')).toBe(true);
  expect(allows(policy, 'https://example.com/y.tif', '192.168.1.4')).toBe(false);
  expect(allows(policy, 'https://nas.local:8443/y.tif', '192.168.1.4'), 'another port is another host').toBe(false);
  expect(allows(policy, 'http://example.com/y.tif'), 'without encryption').toBe(false);
});

test('what is no rule is told', () => {
  for (const text of ['https://a.org/path', 'a b', 'ftp://x', '10.0.0.0/40', '**']) {
    expect(() => parseRemoteHosts(text), text).toThrow('PLANIMETER_REMOTE_HOSTS');
  }
});
