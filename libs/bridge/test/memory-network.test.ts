import { createMemoryNetwork } from '../src/testing/index.ts';
import { Recorder } from './harness.ts';
import { propose } from './samples.ts';

const peers = ['a', 'b', 'c'];

async function startAll() {
  const network = createMemoryNetwork();
  const make = (self: string) => {
    const recorder = new Recorder();
    return { recorder, bridge: network.bridge({ self, peers, handlers: recorder.handlers }) };
  };
  const [a, b, c] = [make('a'), make('b'), make('c')];
  for (const { bridge } of [a, b, c]) await bridge.start();
  await Promise.all([a.recorder.untilState('b', 'up'), a.recorder.untilState('c', 'up')]);
  return { network, a, b, c };
}

describe('a network in memory', () => {
  test('delivers copies of the messages', async () => {
    const { a, b } = await startAll();
    const batch = new Uint8Array([1, 2, 3]);
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(batch) }]);
    batch.fill(0);
    await b.recorder.until(() => b.recorder.messages.length === 1);
    expect(b.recorder.from('a')).toStrictEqual([propose(new Uint8Array([1, 2, 3]))]);
  });

  test('drops messages in transit at a partition, and delivers later messages after the partition heals', async () => {
    const { network, a, b, c } = await startAll();
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array([1])) }]);
    network.partition('a', 'b');
    await Promise.all([a.recorder.untilState('b', 'down'), b.recorder.untilState('a', 'down')]);
    a.bridge.send(['b', 'c'].map((to) => ({ to, channel: 'log', message: propose(new Uint8Array([2])) })));
    await c.recorder.until(() => c.recorder.messages.length === 1);
    network.heal('b', 'a');
    await a.recorder.untilState('b', 'up');
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array([3])) }]);
    await b.recorder.until(() => b.recorder.messages.length === 1);
    expect(b.recorder.from('a')).toStrictEqual([propose(new Uint8Array([3]))]);
  });

  test('reports the link to a stopped bridge as refused', async () => {
    const { a, b } = await startAll();
    await b.bridge.stop();
    await a.recorder.untilState('b', 'refused');
    await b.bridge.start();
    await a.recorder.untilState('b', 'up');
  });
});
