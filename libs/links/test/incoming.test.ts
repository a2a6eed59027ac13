import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput } from '@mqtt-cluster/contracts';
import type { Packet } from 'mqtt-packet';
import { createCounters } from '../src/link/counters.ts';
import { Incoming } from '../src/link/incoming.ts';

interface Half {
  readonly incoming: Incoming;
  readonly counters: ReturnType<typeof createCounters>;
  readonly inputs: ClientInput[];
  readonly sent: Packet[];
  readonly faults: string[];
}

/** Returns the incoming half of a link, with what it sends to the other broker and to the cluster. */
function halfOf(definition: object): Half {
  const counters = createCounters();
  const inputs: ClientInput[] = [];
  const sent: Packet[] = [];
  const faults: string[] = [];
  const incoming = new Incoming({
    definition: linkDefinitionSchema.parse({
      addresses: ['mqtt://b'],
      rules: [{ direction: 'in', filter: '#' }],
      ...definition,
    }),
    mark: 'c/l',
    packetBytesMax: 2_000_000,
    counters,
    input: (input) => inputs.push(input),
    retained: () => undefined,
    send: (packet) => sent.push(packet),
    onFault: (text) => faults.push(text),
    onRefused: (text) => faults.push(text),
    now: () => 0,
    after: () => () => undefined,
  });
  return { incoming, counters, inputs, sent, faults };
}

test('a message above the bound of the link is acknowledged, counted and not published', () => {
  const { incoming, counters, inputs, sent, faults } = halfOf({ packetBytesMax: 2_000 });
  incoming.onSkipped({ topic: 'a\n', qos: 0, bytes: 3_000 });
  incoming.onSkipped({ topic: 'a', qos: 1, messageId: 1, bytes: 3_000 });
  incoming.onSkipped({ topic: 'a', qos: 2, messageId: 2, bytes: 3_000 });
  expect(sent).toEqual([
    { cmd: 'puback', messageId: 1 },
    { cmd: 'pubrec', messageId: 2 },
  ]);
  expect(inputs).toEqual([]);
  expect(counters.dropped.too_large).toBe(3);
  expect(faults[0]).toBe(
    'message on a? of the other broker dropped: it has 3000 bytes, and the link accepts 2000 (packetBytesMax)',
  );
});

test.each([
  [1, 0, true],
  [1, 1, false],
  [2, 1, true],
  [2, 2, false],
])('with hopsMax %i a message that has passed %i links is published: %s', (hopsMax, hops, isPublished) => {
  const { incoming, counters, inputs, sent } = halfOf({ hopsMax });
  const userProperties = { 'mqtt-cluster-link': Array.from({ length: hops }, (_, hop) => `c/${hop}`) };
  const packet = {
    cmd: 'publish',
    topic: 'a',
    payload: Buffer.from('x'),
    retain: false,
    dup: false,
  } as const;
  for (const qos of [0, 1, 2] as const)
    incoming.onPublish({ ...packet, qos, messageId: qos, properties: { userProperties } });
  expect(inputs).toHaveLength(isPublished ? 3 : 0);
  expect(counters.dropped.loop).toBe(isPublished ? 0 : 3);
  // A message that is not published is acknowledged: the other broker would send it again.
  expect(sent.map(({ cmd, messageId }) => [cmd, messageId])).toEqual(
    isPublished
      ? []
      : [
          ['puback', 1],
          ['pubrec', 2],
        ],
  );
});
