import { largeStateSemantics } from '@mqtt-cluster/contracts';
import type { Command } from '@mqtt-cluster/contracts';
import { encodeBatch } from './codec/batch-codec.ts';
import { createMqttState } from './mqtt-state.ts';

/** Sessions, and retained messages, that one step of a warm-up adds and encodes. More make each step longer. */
const valuesOfStep = 20;
/** V8 optimizes a function after some thousand calls. */
const warmUpSteps = 80;

/**
 * Applies entries to a state of its own, and computes digests and snapshots of it, in steps of about a millisecond. V8 then
 * has optimized this code before a member needs it for a large state. Otherwise the first digests of some thousand sessions
 * take five times as long, on all members at the same index.
 *
 * The iterable ends after the last step. A step that is not taken costs nothing.
 */
export function* warmUp(): Iterable<void> {
  const state = createMqttState();
  const home = { member: 'warm-up', storeId: 'warm-up', incarnation: 1 };
  let sequence = 0;
  const apply = (commands: readonly Command[]): void => {
    const batch = { ...home, sequence: ++sequence, commands: [...commands] };
    state.apply(sequence, sequence, encodeBatch(batch));
  };
  apply([{ kind: 'start', semantics: largeStateSemantics, outboxIncarnations: [] }]);
  for (let version = 2; version <= largeStateSemantics; version++) apply([{ kind: 'semantics', version }]);
  for (let step = 0; step < warmUpSteps; step++) {
    const numbers = Array.from({ length: valuesOfStep }, (_, number) => number);
    apply(numbers.map((number) => openOf(`client-${number}`)));
    apply(
      numbers.flatMap((number) => [
        retainedOf(`warm-up/${number}`, step),
        {
          kind: 'close',
          client: `client-${number}`,
          epoch: state.session(`client-${number}`)?.epoch ?? 0,
          graceful: false,
        },
      ]),
    );
    state.digest();
    state.digest({ part: step % 2, parts: 2 });
    state.encode();
    yield;
  }
}

function openOf(client: string): Command {
  const access = {
    user: client,
    source: 'passwordFile' as const,
    groups: [],
    address: '192.0.2.1',
    listener: 'default',
  };
  return { kind: 'open', client, clean: false, expirySeconds: 3_600, receiveMaximum: 100, access };
}

function retainedOf(topic: string, value: number): Command {
  const payload = new Uint8Array([value]);
  return { kind: 'publish', message: { topic, payload, qos: 1, retain: true } };
}
