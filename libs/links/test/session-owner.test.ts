import { linkTopicPrefix, silentLogger } from '@mqtt-cluster/contracts';
import type { ClientEffect, MemberStatus, RefusalReason, StateView } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { until } from '@mqtt-cluster/testing';
import { LinkManager } from '../src/index.ts';
import type { LocalMember } from '../src/index.ts';

/** A session in the state, as a client of an older version may have left it. */
interface KnownSession {
  readonly owner: string | null;
  readonly home: string | null;
}

let manager: LinkManager;
/** Sessions that the link has asked for. */
let opened: string[];

function managerOf(known: Readonly<Record<string, KnownSession>>, refusal: RefusalReason): LinkManager {
  const definition = { addresses: ['mqtt://127.0.0.1:1'], rules: [{ direction: 'out', filter: 'a' }] };
  const message = { topic: `${linkTopicPrefix}plant`, payload: Buffer.from(JSON.stringify(definition)) };
  opened = [];
  const member: LocalMember = {
    connect: (onEffect) => ({
      input: (input) => {
        if (input.kind !== 'connect') return;
        opened.push(input.request.client);
        const refuse: ClientEffect = { kind: 'refuse', connection: -1, reason: refusal };
        queueMicrotask(() => onEffect(refuse));
      },
      release: () => undefined,
    }),
    status: () =>
      ({
        state: 'serving',
        semantics: 4,
        reason: '',
        peers: { m2: { state: 'serving' } },
      }) as unknown as MemberStatus,
    view: () =>
      ({
        session: (client: string) => known[client],
        retainedAfter: () => ({ items: [{ index: 1, message }], next: null }),
      }) as unknown as StateView,
  };
  return new LinkManager({
    self: 'm1',
    members: () => ['m1', 'm2'],
    member,
    linkState: () => 'up',
    ask: async () => ({ outcome: 'unreachable' }),
    directory: '',
    packetBytesMax: 1_000_000,
    mark: 'c',
    semantics: 4,
    logger: silentLogger,
    metrics: noMetrics,
    now: () => performance.now(),
  });
}

afterEach(() => manager.stop());

const reason = async (): Promise<string | null> => (await manager.reports())[0]!.reason;

test('a connected client without a user that has the id of the session does not keep the link from a start', async () => {
  manager = managerOf({ '$link/plant': { owner: null, home: 'm2' } }, 'takenOver');
  await manager.start();
  await until(() => opened.includes('$link/plant'));
});

test.each(['$link/plant', '$link/plant/in'])(
  'the report of a link names the user that owns the session %s',
  async (client) => {
    manager = managerOf({ [client]: { owner: 'ann', home: 'm2' } }, 'notAuthorized');
    await manager.start();
    await until(() => opened.includes('$link/plant'));
    expect(await reason()).toBe(
      `the session ${client} belongs to the user ann, so the link cannot open it: delete the session`,
    );
  },
);

test('the report of a link says that the cluster has no room for its sessions', async () => {
  manager = managerOf({}, 'quotaExceeded');
  await manager.start();
  await until(async () => (await reason()) === 'the cluster has no room for the sessions of the link');
});
