import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput } from '@mqtt-cluster/contracts';
import type { Packet } from 'mqtt-packet';
import { createCounters } from '../src/link/counters.ts';
import { Incoming } from '../src/link/incoming.ts';

test('a message above the bound of the link is acknowledged, counted and not published', () => {
  const counters = createCounters();
  const inputs: ClientInput[] = [];
  const sent: Packet[] = [];
  const faults: string[] = [];
  const incoming = new Incoming({
    definition: linkDefinitionSchema.parse({
      addresses: ['mqtt://b'],
      packetBytesMax: 2_000,
      rules: [{ direction: 'in', filter: '#' }],
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
