import type { TraceFilter, TraceItem, TraceRefusal } from '../../src/queries/index.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;
let abort: AbortController;

beforeEach(async () => {
  abort = new AbortController();
  cluster = await TestCluster.start(['m1', 'm2', 'm3']);
});
afterEach(async () => {
  abort.abort();
  await cluster.close();
});

const minute = { seconds: 60, payload: false };

function start(filter: TraceFilter) {
  return cluster.appliance('m1').clusterTraces.trace(filter, abort.signal);
}

function itemsOf(started: AsyncIterable<TraceItem> | TraceRefusal): AsyncIterator<TraceItem> {
  if (!(Symbol.asyncIterator in started)) throw new Error(`refused: ${started.reason}`);
  return started[Symbol.asyncIterator]();
}

/** Reads until an item fulfils the condition, and returns all items read. */
async function readUntil(
  items: AsyncIterator<TraceItem>,
  wanted: (item: TraceItem) => boolean,
): Promise<TraceItem[]> {
  const read: TraceItem[] = [];
  for (;;) {
    const { value, done } = await items.next();
    if (done === true) throw new Error(`the trace ended after ${JSON.stringify(read)}`);
    read.push(value);
    if (wanted(value)) return read;
  }
}

const isLine = (item: TraceItem, client: string, packet: string): boolean =>
  item.kind === 'line' && item.line.client === client && item.line.packet === packet;

test('a trace contains the packets of a topic on all members, and ends on request', async () => {
  const items = itemsOf(await start({ topic: 'x/#', ...minute }));
  await expect(items.next()).resolves.toEqual({
    done: false,
    value: { kind: 'missing', unreachable: [], tooOld: [] },
  });
  const subscriber = await cluster.connect('m2', 'subscriber');
  await subscriber.subscribe('x/#', 0);
  const publisher = await cluster.connect('m3', 'publisher');
  publisher.send({ cmd: 'publish', topic: 'x/y', payload: 'p', qos: 0, dup: false, retain: false });
  const seen = await readUntil(items, (item) => isLine(item, 'subscriber', 'PUBLISH'));
  const all = seen.some((item) => isLine(item, 'publisher', 'PUBLISH'))
    ? seen
    : [...seen, ...(await readUntil(items, (item) => isLine(item, 'publisher', 'PUBLISH')))];
  expect(
    all
      .flatMap((item) => (item.kind === 'line' ? [`${item.line.member} ${item.line.direction}`] : []))
      .toSorted(),
  ).toEqual(['m2 out', 'm3 in']);
  abort.abort();
  await expect(items.next()).resolves.toMatchObject({ done: true });
});

test('a trace names a member that stops, and goes on with the others', async () => {
  const items = itemsOf(await start({ client: 'c', ...minute }));
  await cluster.stop('m3');
  const read = await readUntil(items, (item) => item.kind === 'missing' && item.unreachable.length > 0);
  expect(read.at(-1)).toEqual({ kind: 'missing', unreachable: ['m3'], tooOld: [] });
  await cluster.connect('m2', 'c');
  await readUntil(items, (item) => isLine(item, 'c', 'CONNACK'));
});

test('a fifth trace is refused, and an ended trace makes room on each member', async () => {
  const running = await Promise.all(Array.from({ length: 4 }, () => start({ client: 'c', ...minute })));
  await expect(start({ client: 'c', ...minute })).resolves.toMatchObject({ code: 429 });
  for (const each of running) await itemsOf(each).return?.();
  for (;;) {
    const next = await start({ client: 'c', ...minute });
    if (!('code' in next)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('a trace with a wrong filter is refused', async () => {
  for (const filter of [
    {},
    { client: 'c', topic: 'x' },
    { topic: 'x/#/y' },
    { client: 'c', seconds: 601 },
    { client: 'c', seconds: 0 },
  ]) {
    await expect(start({ ...minute, ...filter })).resolves.toMatchObject({ code: 400 });
  }
});
