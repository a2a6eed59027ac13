import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput } from '@mqtt-cluster/contracts';
import { fromHeaders } from '../../src/jetstream/headers.ts';
import { JetstreamOutgoing } from '../../src/jetstream/outgoing.ts';
import { createCounters } from '../../src/link/counters.ts';
import { PublishedCopies } from '../support/published-copies.ts';

const definition = linkDefinitionSchema.parse({
  kind: 'jetstream',
  addresses: ['nats://n'],
  jetstream: { stream: 'S' },
  rules: [{ direction: 'out', filter: '#' }],
});

test('a message that waits gets what is left of its interval, and an expired one is dropped and counted', () => {
  let nowMs = 0;
  const counters = createCounters();
  const inputs: ClientInput[] = [];
  const faults: string[] = [];
  const stored: (number | undefined)[] = [];
  const outgoing = new JetstreamOutgoing(
    {
      definition,
      mark: 'c/l',
      echoOf: '$link/l/in',
      counters,
      aside: new PublishedCopies().keptAside({ definition, counters, onFault: (text) => faults.push(text) }),
      acknowledge: (input) => inputs.push(input),
      writeMark: (_mark, _former, onMarked) => onMarked(),
      newStart: 's',
      queuedSinceMs: 0,
      onFault: (text) => faults.push(text),
      onConnectionFault: (text) => faults.push(text),
      onUnnumbered: () => undefined,
      now: () => nowMs,
      after: () => () => undefined,
    },
    [],
  );
  for (const [packetId, expirySeconds] of [
    [1, 60],
    [2, 61],
    [3, undefined],
  ] as const) {
    const message = { topic: `t/${packetId}`, payload: new Uint8Array(), qos: 1, retain: false } as const;
    outgoing.onDeliver({
      kind: 'deliver',
      connection: -1,
      message,
      qos: 1,
      retain: false,
      dup: false,
      packetId,
      ...(expirySeconds !== undefined && { expirySeconds }),
    });
  }
  nowMs = 60_000;
  outgoing.onConnected({
    messageBytesMax: 10_000,
    duplicateWindowMs: 3_600_000,
    store: async ({ headers }) => {
      stored.push(fromHeaders(headers, 0).properties.messageExpiryInterval);
      return 'stored';
    },
    compare: async () => 'undecided',
    send: () => true,
  });
  expect(stored).toEqual([1, undefined]);
  expect(inputs).toEqual([{ kind: 'puback', packetId: 1 }]);
  expect(counters.dropped.expired).toBe(1);
  expect(faults).toEqual([]);
});
