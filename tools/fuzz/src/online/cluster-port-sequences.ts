import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { generate } from 'mqtt-packet';
import { makeSequence } from '../mqtt/sequences.ts';
import type { Sequence } from '../mqtt/sequences.ts';
import { mutate } from '../mutation/mutate.ts';

/**
 * Returns what a stranger sends to the cluster port: MQTT packets of any kind, or CONNECT with a bridge's client id that does
 * not belong to this cluster, followed by frames.
 */
export function makeClusterPortSequence(random: Random, frames: readonly Buffer[]): Sequence {
  if (random() < 0.4) return makeSequence(random);
  const connect = generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: `bridge:${pick(random, ['m1', 'm2', 'm9', 'x'.repeat(40)])}:${pick(random, ['raft', 'log', 'other'])}`,
    clean: true,
    keepalive: 10,
    username: pick(random, ['1:another-cluster', '999:fuzz', 'nothing', '']),
    password: Buffer.from('x'),
  });
  const publishes = Array.from({ length: between(random, 0, 3) }, () =>
    generate({
      cmd: 'publish',
      topic: pick(random, ['$bridge/raft', '$bridge/log', '$bridge/live', 'x']),
      qos: 0,
      retain: false,
      dup: false,
      payload: mutate(random, pick(random, frames)),
    }),
  );
  const packets = [random() < 0.3 ? mutate(random, connect) : connect, ...publishes];
  return { pieces: packets, ending: pick(random, ['close', 'reset', 'linger']) };
}
