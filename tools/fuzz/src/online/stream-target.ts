import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { Sequence } from '../mqtt/sequences.ts';
import { Fault } from '../target.ts';
import type { Target } from '../target.ts';
import type { Transport } from './transports.ts';

const connectionsAtOnce = 8;
const pauseMsMax = 20;
const lingerMs = 200;
const closeMsMax = 2_000;

/**
 * Returns a target that sends one sequence of bytes per connection. The server may answer and close as it likes, but no answer
 * may contain the secret, which is in each message of the witness.
 */
export function streamTarget(
  name: string,
  transport: Transport,
  makeSequence: (random: Random) => Sequence,
  secret: string,
): Target {
  return {
    name,
    parallel: connectionsAtOnce,
    async run(random) {
      const { pieces, ending } = makeSequence(random);
      const stream = transport.open(random);
      const ended = endOf(stream);
      const hasLeaked = watchFor(stream, Buffer.from(secret));
      for (const piece of pieces) {
        if (stream.destroyed || !stream.writable) break;
        stream.write(piece);
        if (random() < 0.3) await delay(between(random, 0, pauseMsMax));
      }
      await finish(stream, ending);
      await Promise.race([ended, delay(closeMsMax, undefined, { ref: false })]);
      stream.destroy();
      if (!hasLeaked()) return;
      const message = `${name}: a client without the right to subscribe received a message of the witness`;
      throw new Fault(message, Buffer.concat(pieces));
    },
  };
}

/** Reads a stream, and returns a function that returns whether the stream has contained the secret. */
function watchFor(stream: Duplex, secret: Buffer): () => boolean {
  let hasLeaked = false;
  let tail = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    const bytes = Buffer.concat([tail, chunk]);
    hasLeaked ||= bytes.includes(secret);
    tail = bytes.subarray(Math.max(0, bytes.length - secret.length + 1));
  });
  return () => hasLeaked;
}

async function finish(stream: Duplex, ending: Sequence['ending']): Promise<void> {
  if (ending === 'reset') {
    // Bytes that are still queued must be sent first; otherwise the server receives no part of the sequence.
    await delay(pauseMsMax);
    stream.destroy();
    return;
  }
  if (ending === 'linger') await delay(lingerMs);
  stream.end();
}

function endOf(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    // The server closes and resets connections of an attacker: both are right.
    stream.on('error', () => undefined);
    stream.once('close', () => resolve());
  });
}
