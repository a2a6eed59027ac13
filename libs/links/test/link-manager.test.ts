import { connect } from 'node:net';
import { linkDefinitionSchema, silentLogger } from '@mqtt-cluster/contracts';
import { host, until } from '@mqtt-cluster/testing';
import { createCounters } from '../src/link/counters.ts';
import { KnownRemote } from '../src/link/known-remote.ts';
import { Link } from '../src/link/link.ts';
import { readCredentials } from '../src/remote/credential-files.ts';
import type { LinkManager, PeerAnswer } from '../src/index.ts';
import { FakeBroker } from './support/fake-broker.ts';
import { FakeMember } from './support/fake-member.ts';
import { managerOf } from './support/links-of.ts';

let member: FakeMember;
let broker: FakeBroker;
let manager: LinkManager;
let answer: PeerAnswer;
/** Questions to the other member: each attempt to start a link asks it. */
let asked = 0;

beforeEach(async () => {
  member = new FakeMember();
  broker = new FakeBroker();
  asked = 0;
  answer = { outcome: 'unreachable' };
  const ask = async (): Promise<PeerAnswer> => {
    asked++;
    return answer;
  };
  manager = managerOf(member, { ask });
  member.definitions.set('plant', {
    addresses: [await broker.start()],
    rules: [{ direction: 'out', filter: 'a/#' }],
  });
});

afterEach(async () => {
  await manager.stop();
  broker.stop();
});

const phase = async (): Promise<string | null> => (await manager.reports())[0]!.phase;
const reason = async (): Promise<string | null> => (await manager.reports())[0]!.reason;

/** Resolves after the manager has decided a number of times. */
async function decisions(count: number): Promise<void> {
  const before = member.reads;
  await until(() => member.reads >= before + count);
}

test('a member with a definition and without another candidate runs the link', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  expect(member.opened).toEqual(['$link/plant']);
});

test('no link starts while a member of an older version answers, and it starts after the update', async () => {
  answer = { outcome: 'tooOld' };
  await manager.start();
  await decisions(3);
  expect(member.opened).toEqual([]);
  expect(await reason()).toBe('m2 runs an older version, so no link starts until it is updated');
  answer = { outcome: 'unreachable' };
  await until(async () => (await phase()) === 'connected');
});

test('no link starts while an older semantics version is in force', async () => {
  member.semantics = 3;
  await manager.start();
  await decisions(3);
  expect(member.opened).toEqual([]);
  expect(await reason()).toBe('the update of the cluster is not complete, so no link starts');
});

test('a definition of a newer program is not run, and the other links are', async () => {
  member.definitions.set('newer', { kind: 'carrier-pigeon' });
  await manager.start();
  await until(
    async () => (await phase()) === 'connected' || (await manager.reports())[1]!.phase === 'connected',
  );
  const newer = (await manager.reports()).find(({ name }) => name === 'newer')!;
  expect(newer).toMatchObject({ mayRun: false, runs: false, reason: expect.stringContaining('kind') });
});

test('a stored definition that this version refuses is not run and says why, and the other links are', async () => {
  member.definitions.set('stream', {
    kind: 'jetstream',
    addresses: ['nats://127.0.0.1:1'],
    rules: [{ direction: 'out', filter: 'a/#' }],
  });
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  expect((await manager.reports())[1]).toMatchObject({
    name: 'stream',
    mayRun: false,
    runs: false,
    reason: expect.stringContaining('a link of the kind jetstream needs the name of its stream'),
  });
});

test('an isolated member closes its connection to the other broker, and opens none', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  member.state = 'isolated';
  await until(() => broker.connections === 0);
  const connects = broker.packets.filter((cmd) => cmd === 'connect').length;
  expect(broker.packets.at(-1)).toBe('disconnect');
  await decisions(4);
  expect(await phase()).toBeNull();
  expect(broker.packets.filter((cmd) => cmd === 'connect')).toHaveLength(connects);
  member.state = 'serving';
  await until(async () => (await phase()) === 'connected');
});

test('a runner whose session another member has taken closes its connection, and leaves the link to the other', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  const connects = broker.packets.filter((cmd) => cmd === 'connect').length;
  const questions = asked;
  member.takeOver('$link/plant');
  await until(() => broker.connections === 0);
  await decisions(4);
  expect(await phase()).toBeNull();
  expect(asked).toBe(questions);
  expect(broker.packets.filter((cmd) => cmd === 'connect')).toHaveLength(connects);
});

test('a link that is defined anew starts again at its member, which keeps the session open meanwhile', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  // Another member would be the first in the order, but the session has this member as its home.
  answer = { outcome: 'answered', body: [{ ...(await manager.reports())[0]!, mayRun: true }] };
  const definition = member.definitions.get('plant')!;
  member.definitions.clear();
  for (let copies = 0; copies < 2; copies++) member.definitions.set(`z${copies}`, { paused: true });
  member.definitions.set('plant', { ...definition, keepAliveSeconds: 20 });
  await until(() => member.opened.length === 2);
  expect(member.ended).toEqual([]);
  await until(async () => (await manager.reports())[0]!.phase === 'connected');
});

test('a member that may no longer run its link releases the session for the others', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  const definition = member.definitions.get('plant')!;
  member.definitions.clear();
  for (let copies = 0; copies < 2; copies++) member.definitions.set(`z${copies}`, { paused: true });
  member.definitions.set('plant', { ...definition, username: 'ann', passwordFile: 'missing' });
  await until(() => member.ended.includes('$link/plant'));
  expect(await reason()).toMatch(/the file missing is missing/);
});

test('a link that stops while it reads its files opens no connection to the other broker', async () => {
  const definition = linkDefinitionSchema.parse(member.definitions.get('plant'));
  const options = { member, definition, directory: '', packetBytesMax: 1_000, mark: 'c/plant' };
  const link = new Link({
    name: 'plant',
    ...options,
    counters: createCounters(),
    queuedSinceMs: 0,
    logger: silentLogger,
    now: () => 0,
    onEnded: () => undefined,
  });
  link.start();
  // The member opens the session and applies an entry in two microtasks, and the link begins to read its files.
  await Promise.resolve();
  await Promise.resolve();
  expect(member.opened).toEqual(['$link/plant']);
  link.stop({ keepsSession: true });
  await readCredentials(definition, '');
  // The broker accepts connections in their order: one of the link would come before this one.
  const later = connect(Number(new URL(definition.addresses[0]!).port), host);
  await until(() => broker.accepted > 0);
  expect(later.localPort).toBe(broker.firstPort);
  later.destroy();
});

test('a removed link ends its session at both sides', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  member.definitions.clear();
  await until(() => broker.connections === 0);
  expect(broker.packets.at(-1)).toBe('disconnect');
  expect(member.view().session('$link/plant')!.home).toBeNull();
});

test('the report of a link names the subscription that the cluster refuses', async () => {
  member.refusedFilters.set('a/#', 0x97);
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  expect(await reason()).toBe(
    'the cluster refuses the subscription of the link to a/#: a quota was exceeded',
  );
  member.refusedFilters.clear();
  await until(async () => (await reason()) === null);
  expect(member.filters('$link/plant')).toContain('a/#');
});

test('a link whose mark the cluster refuses deletes the session at the other broker once, and waits', async () => {
  const definition = linkDefinitionSchema.parse(member.definitions.get('plant'));
  member.refusedFilters.set(new KnownRemote('plant', definition).mark, 0x97);
  await manager.start();
  await until(() => broker.packets.includes('disconnect'));
  await decisions(6);
  expect(broker.packets).toEqual(['connect', 'disconnect']);
  expect(await reason()).toBe('the cluster does not store the state of the link: a quota was exceeded');
  member.refusedFilters.clear();
  await until(async () => (await phase()) === 'connected');
  expect(await reason()).toBeNull();
});

test('a member that cannot prove that it still runs the link opens no connection, which would end that of the next runner', async () => {
  await manager.start();
  await until(async () => (await phase()) === 'connected');
  const connects = broker.packets.filter((cmd) => cmd === 'connect').length;
  // The process was paused: the other broker has closed its connection, and the takeover is not known here.
  member.applies = false;
  broker.disconnect();
  await until(() => member.unconfirmed.includes('$link/plant'));
  await decisions(2);
  expect(broker.packets.filter((cmd) => cmd === 'connect')).toHaveLength(connects);
  member.takeOver('$link/plant');
  await until(async () => (await phase()) === null);
});

test('a member that is paused while it connects sends no message before it has proved that it still runs the link', async () => {
  // The first connection only deletes the session at the other broker.
  let connects = 0;
  broker.onConnect = () => (member.applies = ++connects < 2);
  await manager.start();
  await until(() => connects === 2);
  await decisions(2);
  member.deliver('$link/plant');
  await decisions(2);
  expect(broker.packets).not.toContain('publish');
  expect(member.unconfirmed).toContain('$link/plant');
  expect(await phase()).toBe('connecting');
});
