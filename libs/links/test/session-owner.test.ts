import type { RefusalReason } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import type { LinkManager } from '../src/index.ts';
import { FakeMember } from './support/fake-member.ts';
import { managerOf } from './support/links-of.ts';

let manager: LinkManager;
let member: FakeMember;

/** @param known sessions that clients of an older version have left in the state */
function managerWith(
  known: Readonly<Record<string, { readonly owner: string | null; readonly home: string | null }>>,
  refusal: RefusalReason,
): LinkManager {
  member = new FakeMember();
  member.refusal = refusal;
  for (const [client, session] of Object.entries(known)) member.known.set(client, session);
  member.definitions.set('plant', {
    addresses: ['mqtt://127.0.0.1:1'],
    rules: [{ direction: 'out', filter: 'a' }],
  });
  return managerOf(member);
}

afterEach(() => manager.stop());

const reason = async (): Promise<string | null> => (await manager.reports())[0]!.reason;

test('a connected client without a user that has the id of the session does not keep the link from a start', async () => {
  manager = managerWith({ '$link/plant': { owner: null, home: 'm2' } }, 'takenOver');
  await manager.start();
  await until(() => member.opened.includes('$link/plant'));
});

test.each(['$link/plant', '$link/plant/in'])(
  'the report of a link names the user that owns the session %s',
  async (client) => {
    manager = managerWith({ [client]: { owner: 'ann', home: 'm2' } }, 'notAuthorized');
    await manager.start();
    await until(() => member.opened.includes('$link/plant'));
    expect(await reason()).toBe(
      `the session ${client} belongs to the user ann, so the link cannot open it: delete the session`,
    );
  },
);

test('the report of a link says that the cluster has no room for its sessions', async () => {
  manager = managerWith({}, 'quotaExceeded');
  await manager.start();
  await until(async () => (await reason()) === 'the cluster has no room for the sessions of the link');
});
