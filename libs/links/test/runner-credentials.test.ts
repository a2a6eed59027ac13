import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mqtt-cluster/testing';
import type { LinkManager, LinkReport, PeerAnswer } from '../src/index.ts';
import { FakeBroker } from './support/fake-broker.ts';
import { FakeMember } from './support/fake-member.ts';
import { managerOf } from './support/links-of.ts';

const session = '$link/plant';

let directory: string;
let member: FakeMember;
let broker: FakeBroker;
let manager: LinkManager;
/** Answer of the other member. */
let answer: PeerAnswer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'runner-credentials-'));
  writeFileSync(join(directory, 'password'), 'secret\n');
  member = new FakeMember();
  broker = new FakeBroker();
  answer = { outcome: 'unreachable' };
  member.definitions.set('plant', {
    addresses: [await broker.start()],
    username: 'ann',
    passwordFile: 'password',
    rules: [{ direction: 'out', filter: 'a/#' }],
  });
  manager = managerOf(member, { ask: async () => answer, directory });
  await manager.start();
  await until(async () => (await report()).phase === 'connected');
});

afterEach(async () => {
  await manager.stop();
  broker.stop();
  rmSync(directory, { recursive: true });
});

const report = async (): Promise<LinkReport> => (await manager.reports())[0]!;

async function otherMember(mayRun: boolean): Promise<void> {
  answer = { outcome: 'answered', body: [{ ...(await report()), mayRun, runs: false }] };
}

test.each([
  ['is deleted', (file: string) => rmSync(file)],
  ['is empty', (file: string) => writeFileSync(file, '')],
])(
  'a runner whose credential file %s leaves the link to a member that has the file',
  async (_name, spoil) => {
    await otherMember(true);
    spoil(join(directory, 'password'));
    broker.disconnect();
    await until(() => member.ended.includes(session));
    expect(await report()).toMatchObject({ mayRun: false, runs: false });
  },
);

test('a runner whose credential file is deleted keeps the link while no other member has the file', async () => {
  await otherMember(false);
  rmSync(join(directory, 'password'));
  broker.disconnect();
  await until(async () => (await report()).phase === 'connecting');
  const before = member.reads;
  // The manager checks the file once a second, which is every fourth decision.
  await until(() => member.reads >= before + 10);
  expect(member.ended).toEqual([]);
  expect(await report()).toMatchObject({ runs: true, reason: expect.stringContaining('is missing') });
  writeFileSync(join(directory, 'password'), 'secret\n');
  await until(async () => (await report()).phase === 'connected');
  expect((await report()).reason).toBeNull();
});

test('a connected runner whose credential file is deleted keeps the link', async () => {
  await otherMember(true);
  rmSync(join(directory, 'password'));
  const before = member.reads;
  await until(() => member.reads >= before + 10);
  expect(await report()).toMatchObject({ runs: true, phase: 'connected' });
});
