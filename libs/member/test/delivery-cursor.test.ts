import { defaultLimits } from '../src/index.ts';
import { Connection } from '../src/home/connections/connection.ts';
import type { MemberContext } from '../src/context.ts';
import { AckProgress } from '../src/home/delivery/ack-progress.ts';
import { Delivery } from '../src/home/delivery/delivery.ts';
import { LocalQueues } from '../src/home/delivery/local-queues.ts';
import { request } from './cluster.ts';

test('the walk through a queue begins at the first item that is left, not among those that were dropped at the bound', () => {
  const begins: number[] = [];
  /** Waits for its packet id, because the window of QoS 2 is full. */
  const waiting = (number: number) => ({ number, qos: 2, packetId: 0, expiresAt: Infinity });
  let items = [waiting(101)];
  const session = {
    epoch: 1,
    home: { member: 'a' },
    sentBelow: 0,
    queuedMessages: 1,
    retainedPending: false,
    queueFrom: (from: number) => {
      begins.push(from);
      return items.filter(({ number }) => number >= from);
    },
  };
  const context = {
    nowMs: 0,
    state: { session: () => session },
    clock: { expiryMs: 0 },
    options: { limits: defaultLimits },
    effects: [],
    events: [],
  } as unknown as MemberContext;
  const delivery = new Delivery(context, new AckProgress(context), new LocalQueues(defaultLimits));
  const connection = new Connection(1, request('subscriber', 60), 100, 0);
  connection.phase = 'open';
  connection.epoch = 1;
  for (const number of [101, 20_000, 20_001]) {
    items = [waiting(number)];
    delivery.pump(connection);
  }
  delivery.pump(connection);
  expect(begins).toEqual([0, 101, 20_000, 20_001]);
  expect(context.effects).toEqual([]);
});
