import { checkDefinition } from '@mqtt-cluster/links';
import type { LinkManager, LinkReport } from '@mqtt-cluster/links';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { LinkAdministration } from '../../src/links/link-administration.ts';
import type { LinkAdministrationOptions } from '../../src/links/link-administration.ts';

const rules = [{ direction: 'out', filter: 'a/#' }];
const addresses = ['mqtt://one:1883', 'mqtt://two:1883'];

/** Addresses at which this member has tried to delete the session of a removed link. */
let discarded: string[];

/** Further links of the cluster, by name. */
const others = new Map<string, object>();
afterEach(() => others.clear());

/** @param reports of the members m1, m2 ... about the link `plant`, which run it by default */
function administrationOf(definition: object, ...reports: Partial<LinkReport>[]): LinkAdministration {
  discarded = [];
  const manager = {
    definitions: () =>
      [['plant', definition] as const, ...others].map(([name, each]) => ({
        name,
        index: 1,
        ...checkDefinition(each),
      })),
    discard: async (_name: string, each: LinkDefinition) => {
      discarded = [...each.addresses];
      return each.addresses.map((url) => `${url}: the host is unreachable`).join('; ');
    },
  };
  const base: LinkReport = {
    name: 'plant',
    mayRun: true,
    reason: null,
    runs: true,
    phase: 'connected',
    address: null,
    lagSeconds: 0,
    sent: [0, 0, 0],
    received: [0, 0, 0],
    dropped: {},
    reconnects: 0,
    possibleDuplicates: 0,
    keptAside: 0,
  };
  const answers = new Map(reports.map((each, position) => [`m${position + 1}`, [{ ...base, ...each }]]));
  const options = {
    manager: () => manager as unknown as LinkManager,
    view: () => ({ session: () => undefined }),
    queries: { askAll: async () => ({ answers, unreachable: [], tooOld: [] }) },
    changing: async () => undefined,
    ownUrls: () => [],
  };
  return new LinkAdministration(options as unknown as LinkAdministrationOptions);
}

test('the removal of a link without a connection says that the session at the other broker is still there', async () => {
  const connecting = { phase: 'connecting', address: null } as const;
  const administration = administrationOf({ addresses: addresses.slice(0, 1), rules }, connecting);
  expect(await administration.remove('plant')).toBe(
    'the link plant is removed, and its session at the other broker could not be deleted: mqtt://one:1883: the host is unreachable',
  );
});

test('the removal of a connected link leaves the session at its address to the runner, and deletes those at the others', async () => {
  const connected = { phase: 'connected', address: addresses[0]! } as const;
  expect(await administrationOf({ addresses: addresses.slice(0, 1), rules }, connected).remove('plant')).toBe(
    'the link plant is removed',
  );
  expect(discarded).toEqual([]);
  await administrationOf({ addresses, rules }, connected).remove('plant');
  expect(discarded).toEqual(addresses.slice(1));
});

test('the removal of a connected link with MQTT 3.1.1 deletes its session by a further connection', async () => {
  const connected = { phase: 'connected', address: addresses[0]! } as const;
  await administrationOf({ addresses, rules, protocol: '3.1.1' }, connected).remove('plant');
  expect(discarded).toEqual(addresses);
});

test('the removal of a link that no member runs deletes its sessions', async () => {
  await administrationOf({ addresses, rules }).remove('plant');
  expect(discarded).toEqual(addresses);
});

test('the removal of a link with a definition that is not valid says that a session may be left', async () => {
  expect(await administrationOf({ addresses, rules: [] }).remove('plant')).toMatch(
    /^the link plant is removed\. If it had a session at the other broker, it is still there: rules: /,
  );
});

test('the drops of the queue are those that all members have counted, and the other drops those of the runner', async () => {
  const administration = administrationOf(
    { addresses, rules },
    { runs: false, phase: null, dropped: { queue: 3, lost: 2 } },
    { dropped: { queue: 4, lost: 1 } },
  );
  expect((await administration.list()).links[0]!.dropped).toEqual({ queue: 7, lost: 1 });
  const waiting = administrationOf(
    { addresses, rules },
    { runs: false, phase: null, dropped: { queue: 3, lost: 2 } },
  );
  expect((await waiting.list()).links[0]!.dropped).toEqual({ queue: 3 });
});

test('a link with the address and the client id of another link is refused, and one with another id is not', async () => {
  const administration = administrationOf({ addresses, rules });
  const put = (change: object): Promise<string> =>
    administration.put('other', { addresses: addresses.slice(1), rules, ...change });
  await expect(put({ clientId: 'mqtt-cluster-plant' })).rejects.toThrow(
    'clientId: the link plant has the client id mqtt-cluster-plant at mqtt://two:1883, so each would end the connection of the other',
  );
  await expect(put({ clientId: 'mqtt-cluster-plant', addresses: ['mqtt://two'] })).rejects.toThrow(
    'has the client id mqtt-cluster-plant at mqtt://two,',
  );
  expect(await put({})).toBe('the link other is defined');
  expect(await put({ clientId: 'mqtt-cluster-plant', addresses: ['mqtt://three'] })).toBe(
    'the link other is defined',
  );
  const again = { addresses, rules, clientId: 'mqtt-cluster-plant' };
  expect(await administration.put('plant', again)).toBe('the link plant is defined');
});

test('links of an earlier version with one address and client id stay editable', async () => {
  const other = { addresses, rules, clientId: 'mqtt-cluster-plant' };
  others.set('other', other);
  const administration = administrationOf({ addresses, rules });
  expect(await administration.put('other', { ...other, keepAliveSeconds: 20 })).toBe(
    'the link other is defined',
  );
});
