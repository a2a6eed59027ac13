import type { MemberAdvertisement } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { normalizeUrl, parseAddress, parseServerReference } from '../src/servers/address.ts';
import { rendezvousOrder } from '../src/servers/rendezvous.ts';
import { parseAdvertisements, ServerList } from '../src/servers/server-list.ts';

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

function url(id: string): string {
  return `mqtt://${id}.test:1883`;
}

function member(id: string, state: MemberAdvertisement['state'] = 'serving', more = {}): MemberAdvertisement {
  return { id, urls: [url(id)], state, clients: 0, load: 0, ...more };
}

function order(list: ServerList, last: readonly string[] = [], nowMs = 0): string[] {
  return list.order(nowMs, last).map(({ id }) => id);
}

function list(preferred?: string): ServerList {
  return new ServerList(
    'client',
    ids.map((id) => ({ id, url: url(id) })),
    preferred,
  );
}

describe('rendezvousOrder', () => {
  test('keeps the order of the other servers when one server is removed', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.constantFrom(...ids), (client, gone) => {
        const rest = ids.filter((id) => id !== gone);
        expect(rendezvousOrder(client, rest)).toEqual(
          rendezvousOrder(client, ids).filter((id) => id !== gone),
        );
      }),
    );
  });

  test('spreads clients evenly over all servers', () => {
    const firsts = Array.from({ length: 700 }, (_, index) => rendezvousOrder(`client${index}`, ids)[0]);
    for (const id of ids) {
      const share = firsts.filter((first) => first === id).length;
      expect(share).toBeGreaterThan(60);
      expect(share).toBeLessThan(140);
    }
  });
});

describe('the order of the server list:', () => {
  test('servers that accept no clients come last, ordered by state', () => {
    const servers = list();
    const [first, second, third, fourth, ...rest] = order(servers) as [
      string,
      string,
      string,
      string,
      ...string[],
    ];
    servers.update([
      member(first, 'unreachable'),
      member(second, 'draining'),
      member(third, 'isolated'),
      member(fourth),
      ...rest.map((id) => member(id)),
    ]);
    expect(order(servers)).toEqual([fourth, ...rest, third, second, first]);
  });

  test('an avoided server comes after servers of the same state until its avoidance time is over', () => {
    const servers = list();
    const [first, ...rest] = order(servers) as [string, ...string[]];
    servers.avoid(first, 100);
    expect(order(servers, [], 99)).toEqual([...rest, first]);
    expect(order(servers, [], 100)).toEqual([first, ...rest]);
  });

  test('the server of the other connection comes last, also after unreachable servers', () => {
    const servers = list();
    const [first, ...rest] = order(servers) as [string, ...string[]];
    servers.update([member(first), ...rest.map((id) => member(id, 'unreachable'))]);
    expect(order(servers, [first])).toEqual([...rest, first]);
  });

  test('the preferred server, given by id or by URL, comes first while it serves', () => {
    for (const preferred of ['e', url('e')]) {
      const servers = list(preferred);
      expect(order(servers)[0]).toBe('e');
      servers.update(ids.map((id) => member(id, id === 'e' ? 'draining' : 'serving')));
      expect(order(servers).at(-1)).toBe('e');
    }
  });
});

describe('the server list with advertised members:', () => {
  test('a configured server keeps its address and takes the advertised id', () => {
    const servers = new ServerList('client', [
      { url: 'mqtt://a.test' },
      { id: 'b', url: 'mqtt://gateway:1' },
    ]);
    servers.update([member('a'), member('b'), member('c')]);
    const known = servers.order(0).sort((one, other) => (one.id < other.id ? -1 : 1));
    expect(known).toEqual([
      { id: 'a', url: 'mqtt://a.test:1883' },
      { id: 'b', url: 'mqtt://gateway:1' },
      { id: 'c', url: url('c') },
    ]);
    expect(servers.identify({ id: 'mqtt://a.test:1883', url: 'mqtt://a.test:1883' })).toBe('a');
  });

  test('a client with TLS uses only the advertised addresses with TLS', () => {
    const servers = new ServerList('client', [{ id: 'a', url: 'mqtts://a:1' }]);
    servers.update([
      member('a', 'serving', { urls: ['mqtt://a:1'] }),
      member('b', 'serving', { urls: ['mqtt://b:1', 'ws://b:2', 'wss://b:3', 'mqtts://b:4'] }),
      member('c', 'serving', { urls: ['mqtt://c:1'] }),
    ]);
    expect(
      servers
        .order(0)
        .map((server) => server.url)
        .sort(),
    ).toEqual(['mqtts://a:1', 'mqtts://b:4']);
  });

  test('a member that is no longer advertised is removed, or comes last if it was configured', () => {
    const servers = new ServerList('client', [{ id: 'a', url: url('a') }]);
    servers.update([member('a'), member('b')]);
    servers.update([member('c')]);
    expect(order(servers)).toEqual(['c', 'a']);
  });

  test('addresses with another protocol than the configured servers are ignored', () => {
    const servers = new ServerList('client', [{ id: 'a', url: url('a') }]);
    servers.update([
      member('b', 'serving', { urls: ['wss://b', 'mqtts://b:1', 'mqtt://b:2'] }),
      member('c', 'serving', { urls: [] }),
    ]);
    expect(servers.order(0).map((server) => server.url)).toEqual(['mqtt://b:2', url('a')]);
  });

  test.each(['', 'null', '{}', '[1]', '[{"id":"a"}]', '[{"id":"a","urls":[],"state":"constructor"}]'])(
    'parseAdvertisements returns undefined for %j',
    (text) => {
      expect(parseAdvertisements(Buffer.from(text))).toBeUndefined();
    },
  );
});

describe('server addresses', () => {
  test('have default ports, and may be IPv6 addresses', () => {
    expect(normalizeUrl('mqtt://host')).toBe('mqtt://host:1883');
    expect(normalizeUrl('mqtts://[::1]')).toBe('mqtts://[::1]:8883');
    expect(parseAddress('mqtts://[::1]:1')).toEqual({ scheme: 'mqtts', host: '::1', port: 1, path: '' });
    expect(normalizeUrl('wss://host/mqtt?a=1')).toBe('wss://host:443/mqtt?a=1');
    expect(normalizeUrl('ws://host')).toBe('ws://host:80/');
    expect(normalizeUrl('ssl://host:1')).toBe('mqtts://host:1');
  });

  test('with an unsupported protocol are rejected, with the URL in the error message', () => {
    expect(() => parseAddress('http://host')).toThrow('http://host');
  });

  test('are parsed from a Server Reference, in which invalid references are skipped (MQTT 5, 4.11)', () => {
    expect(parseServerReference('a.test b.test:2 mqtt://c:3 ', 'mqtt://x')).toEqual([
      'mqtt://a.test:1883',
      'mqtt://b.test:2',
      'mqtt://c:3',
    ]);
    expect(parseServerReference('[::1]:5', 'mqtts://x')).toEqual(['mqtts://[::1]:5']);
    expect(parseServerReference('a:5', 'wss://x/mqtt')).toEqual(['wss://a:5/mqtt']);
    expect(parseServerReference('http://x', 'mqtt://x')).toEqual([]);
  });

  test('of a Server Reference have the scheme of the server, so a client with TLS never follows one without TLS', () => {
    expect(parseServerReference('mqtt://a:1 ws://b:2 mqtts://c:3', 'mqtts://x')).toEqual(['mqtts://c:3']);
  });

  test('with a user name or a password are rejected, and the error does not repeat the password', () => {
    expect(() => parseAddress('mqtts://user:secret@host')).toThrow(
      'must not contain a user name or a password',
    );
    expect(() => parseAddress('mqtts://user:secret@host')).not.toThrow('secret');
  });

  test('must all use TLS, or none of them', () => {
    const servers = [{ url: 'mqtts://a' }, { url: 'mqtt://b' }];
    expect(() => new ServerList('client', servers)).toThrow('must all use TLS');
  });
});
