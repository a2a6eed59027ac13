import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput, QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { refusalsMax } from '../src/link/back-off.ts';
import { createCounters } from '../src/link/counters.ts';
import { exchangesMax, heldBytesMax, HeldPublishes, heldPublishesMax } from '../src/link/held-publishes.ts';
import { Incoming } from '../src/link/incoming.ts';

/** The incoming half of a link, with what it passes to the cluster and to the other broker. */
class Half {
  nowMs = 0;
  readonly inputs: ClientInput[] = [];
  readonly sent: Packet[] = [];
  readonly closings: string[] = [];
  readonly counters = createCounters();
  endPause: (() => void) | null = null;
  readonly incoming = new Incoming({
    definition: linkDefinitionSchema.parse({
      addresses: ['mqtt://b'],
      rules: [{ direction: 'in', filter: '#', qosMax: 2 }],
    }),
    mark: 'c/l',
    packetBytesMax: 2_000_000,
    counters: this.counters,
    input: (input) => this.inputs.push(input),
    retained: () => undefined,
    send: (packet) => this.sent.push(packet),
    onFault: () => undefined,
    onRefused: (text) => this.closings.push(text),
    now: () => this.nowMs,
    after: (_ms, run) => {
      this.endPause = () => {
        this.endPause = null;
        run();
      };
      return () => (this.endPause = null);
    },
  });

  publish(
    messageId: number,
    qos: QoS = 1,
    bytes = 1,
    topic = 't',
    properties: IPublishPacket['properties'] = {},
  ): void {
    const payload = Buffer.alloc(bytes);
    this.incoming.onPublish({
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain: false,
      dup: false,
      messageId,
      properties,
    });
  }

  answer(packetId: number, result: 'ok' | 'quotaExceeded', kind: 'puback' | 'pubrec' = 'puback'): void {
    this.incoming.onAnswer({ kind, connection: -1, packetId, result } as Parameters<Incoming['onAnswer']>[0]);
  }

  /** Packet ids that were passed to the cluster since the last call. */
  take(): (number | undefined)[] {
    return this.inputs
      .splice(0)
      .map((input) => (input.kind === 'publish' ? input.request.packetId : undefined));
  }

  takeSent(): string[] {
    return this.sent.splice(0).map(({ cmd, messageId }) => `${cmd} ${messageId}`);
  }
}

test('a message that the cluster refuses for its bounds is published again, alone and before the later ones', () => {
  const half = new Half();
  half.publish(1);
  half.publish(2, 2);
  half.answer(1, 'quotaExceeded');
  half.answer(2, 'quotaExceeded', 'pubrec');
  half.publish(3);
  expect(half.take()).toEqual([1, 2]);
  half.endPause!();
  expect(half.take()).toEqual([1]);
  half.answer(1, 'ok');
  expect(half.take()).toEqual([2, 3]);
  half.answer(2, 'ok', 'pubrec');
  half.answer(3, 'ok');
  expect(half.takeSent()).toEqual(['puback 1', 'pubrec 2', 'puback 3']);
  expect(half.closings).toEqual([]);
  expect(half.endPause).toBeNull();
});

test('a message that the cluster always refuses is dropped after a bounded number of attempts, and the next one follows', () => {
  const half = new Half();
  half.publish(1);
  for (let refusal = 0; refusal < refusalsMax; refusal++) {
    expect(half.takeSent()).toEqual([]);
    half.answer(1, 'quotaExceeded');
    if (refusal === 0) half.publish(2);
    half.take();
    half.endPause?.();
  }
  expect(half.takeSent()).toEqual(['puback 1']);
  expect(half.counters.dropped.quota).toBe(1);
  expect(half.take()).toEqual([2]);
  half.answer(2, 'ok');
  half.publish(3);
  expect(half.take()).toEqual([3]);
});

test('a message that waits gets what is left of its Message Expiry Interval [5.0 MQTT-3.3.2-6]', () => {
  const half = new Half();
  half.publish(1, 1, 1, 't', { messageExpiryInterval: 60 });
  half.answer(1, 'quotaExceeded');
  half.publish(2, 1, 1, 't', { messageExpiryInterval: 20 });
  half.publish(3);
  half.nowMs = 20_900;
  half.endPause!();
  half.answer(1, 'ok');
  const intervals = half.inputs.map(
    (input) => input.kind === 'publish' && input.request.properties?.messageExpiryInterval,
  );
  expect(intervals).toEqual([60, 40, 0, undefined]);
});

test('messages that wait are forgotten with the connection, because the other broker sends them again', () => {
  const half = new Half();
  half.publish(1);
  half.answer(1, 'quotaExceeded');
  half.take();
  half.incoming.onDisconnected();
  expect(half.endPause).toBeNull();
  half.publish(1);
  expect(half.take()).toEqual([1]);
});

test('at most 100 QoS 2 exchanges are with the cluster, and the messages behind them wait in their order', () => {
  const half = new Half();
  const ids = Array.from({ length: exchangesMax }, (_, index) => index + 1);
  for (const id of ids) half.publish(id, 2);
  expect(half.take()).toEqual(ids);
  half.publish(201, 2);
  half.publish(202, 1);
  half.publish(203, 2);
  expect(half.take()).toEqual([]);
  half.answer(1, 'ok', 'pubrec');
  half.incoming.onPubrel(1);
  expect(half.take()).toEqual([undefined]);
  half.incoming.onAnswer({ kind: 'pubcomp', packetId: 1 });
  // QoS 1 needs no packet id of the session, but it stays behind the message before it.
  expect(half.take()).toEqual([201, 202]);
  half.incoming.onPubrel(2);
  half.incoming.onAnswer({ kind: 'pubcomp', packetId: 2 });
  expect(half.take()).toEqual([undefined, 203]);
  expect(half.closings).toEqual([]);
});

test('an exchange of a former connection counts from its PUBREL on, because the session still holds its packet id', () => {
  const half = new Half();
  for (let id = 1; id < exchangesMax; id++) half.publish(id, 2);
  half.incoming.onPubrel(500);
  half.take();
  half.publish(600, 2);
  expect(half.take()).toEqual([]);
  half.incoming.onAnswer({ kind: 'pubcomp', packetId: 500 });
  expect(half.take()).toEqual([600]);
});

test('a message that the cluster has received already is passed on without room, because it needs no further packet id', () => {
  const half = new Half();
  for (let id = 1; id <= exchangesMax; id++) half.publish(id, 2);
  half.take();
  half.answer(7, 'ok', 'pubrec');
  half.publish(7, 2);
  expect(half.take()).toEqual([7]);
});

test('a QoS 2 message that is dropped gives its room back', () => {
  const half = new Half();
  for (let id = 1; id <= exchangesMax; id++) half.publish(id, 2);
  for (let refusal = 0; refusal < refusalsMax; refusal++) {
    half.answer(1, 'quotaExceeded', 'pubrec');
    half.take();
    half.endPause!();
  }
  expect(half.counters.dropped.quota).toBe(1);
  half.publish(201, 2);
  expect(half.take()).toEqual([201]);
});

test.each([
  ['messages', heldPublishesMax, 1],
  ['bytes', 16, heldBytesMax / 16],
])(
  'a broker that sends more %s than the link keeps in memory loses its connection',
  (_what, count, bytes) => {
    const half = new Half();
    half.publish(1);
    half.answer(1, 'quotaExceeded');
    for (let id = 2; id <= count; id++) half.publish(id, 1, bytes);
    expect(half.closings).toEqual([]);
    half.publish(count + 1, 1, bytes);
    expect(half.closings).toEqual([
      'the other broker has sent more messages without an acknowledgement than this member keeps in memory',
    ]);
  },
);

test('the properties of a message count as bytes that wait', () => {
  const held = new HeldPublishes(
    () => {},
    () => () => {},
    () => 0,
  );
  const userProperties = Array.from({ length: 1_000 }, () => ['n', 'v'] as const);
  const request = {
    topic: 't',
    payload: new Uint8Array(),
    qos: 2 as const,
    retain: false,
    properties: { userProperties },
  };
  let added = 0;
  while (
    added < heldPublishesMax &&
    held.add(added, { kind: 'publish', request: { ...request, packetId: added } })
  )
    added++;
  expect(added - exchangesMax).toBeLessThan(heldBytesMax / 100_000);
});

describe('a topic of which a message was dropped after all of its attempts', () => {
  /** Drops the message 1 of the topic `bad`. */
  function dropped(): Half {
    const half = new Half();
    half.publish(1, 1, 1, 'bad');
    for (let refusal = 0; refusal < refusalsMax; refusal++) {
      half.answer(1, 'quotaExceeded');
      half.endPause?.();
    }
    half.take();
    expect(half.takeSent()).toEqual(['puback 1']);
    return half;
  }

  it('has one attempt for each message, and the messages behind it do not wait', () => {
    const half = dropped();
    half.publish(2, 1, 1, 'bad');
    half.publish(3);
    half.answer(2, 'quotaExceeded');
    expect(half.takeSent()).toEqual(['puback 2']);
    expect(half.endPause).toBeNull();
    half.answer(3, 'ok');
    half.publish(4);
    expect(half.take()).toEqual([2, 3, 4]);
    expect(half.counters.dropped.quota).toBe(2);
  });

  it('delays no message that waits behind it', () => {
    const half = dropped();
    half.publish(2);
    half.answer(2, 'quotaExceeded');
    half.publish(3, 1, 1, 'bad');
    half.publish(4, 1, 1, 'bad');
    half.publish(5);
    half.take();
    half.endPause!();
    half.answer(2, 'ok');
    expect(half.take()).toEqual([2, 3, 4, 5]);
    half.answer(5, 'quotaExceeded');
    half.publish(6, 1, 1, 'bad');
    half.publish(7);
    half.endPause!();
    half.answer(5, 'ok');
    half.answer(3, 'quotaExceeded');
    half.answer(4, 'quotaExceeded');
    half.answer(6, 'quotaExceeded');
    expect(half.take()).toEqual([5, 6, 7]);
    expect(half.endPause).toBeNull();
    expect(half.counters.dropped.quota).toBe(4);
  });

  it('is followed at once by the next message when it is published alone', () => {
    const half = dropped();
    half.publish(2);
    for (let refusal = 0; refusal < refusalsMax; refusal++) {
      half.answer(2, 'quotaExceeded');
      if (refusal === 0) {
        half.publish(3, 1, 1, 'bad');
        half.publish(4, 1, 1, 'good');
        half.publish(5, 1, 1, 'good');
      }
      half.take();
      half.endPause!();
    }
    expect(half.take()).toEqual([3]);
    half.answer(3, 'quotaExceeded');
    expect(half.take()).toEqual([4]);
    expect(half.endPause).toBeNull();
    half.answer(4, 'ok');
    expect(half.take()).toEqual([5]);
  });

  it('has all attempts again when ten minutes have passed, or when the cluster has accepted a message', () => {
    const half = dropped();
    half.nowMs = 599_999;
    half.publish(2, 1, 1, 'bad');
    half.answer(2, 'quotaExceeded');
    expect(half.takeSent()).toEqual(['puback 2']);
    half.nowMs += 600_000;
    half.publish(3, 1, 1, 'bad');
    half.answer(3, 'quotaExceeded');
    expect(half.takeSent()).toEqual([]);
    const accepted = dropped();
    accepted.publish(2, 1, 1, 'bad');
    accepted.answer(2, 'ok');
    accepted.publish(3, 1, 1, 'bad');
    accepted.answer(3, 'quotaExceeded');
    expect(accepted.takeSent()).toEqual(['puback 2']);
  });
});
