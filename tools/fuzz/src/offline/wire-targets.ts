import { crc32 } from 'node:zlib';
import { decodeFrame } from '@mqtt-cluster/bridge/testing';
import { FrameError } from '@mqtt-cluster/contracts';
import { createMqttState, decodeMqttState } from '@mqtt-cluster/mqtt-state';
import { mutate } from '../mutation/mutate.ts';
import type { Target } from '../target.ts';
import { goldenCorpus } from './corpus.ts';
import { parserTarget } from './parser-target.ts';

const frameHeaderBytes = 8;
const checksumAt = 4;

const isFrameError = (error: unknown): boolean => error instanceof FrameError;

/** Returns the targets of the formats between members: bridge frames, batches of the log, and snapshots. */
export function wireTargets(root: string): Target[] {
  return [
    parserTarget({
      name: 'bridge-frames',
      corpus: goldenCorpus(root, 'bridge', 'frames.json'),
      // With a wrong checksum the decoder does not reach the body. Most cases therefore have a right one.
      change: (random, valid) => {
        const frame = mutate(random, valid);
        if (frame.length > frameHeaderBytes && random() < 0.8)
          frame.writeUInt32BE(crc32(frame.subarray(frameHeaderBytes)), checksumAt);
        return frame;
      },
      parse: (frame) => decodeFrame(frame),
      isDeclared: isFrameError,
    }),
    parserTarget({
      name: 'log-batches',
      corpus: goldenCorpus(root, 'mqtt-state', 'batches.json'),
      // `apply` declares no error: every member must survive any entry.
      parse: (batch) => {
        const state = createMqttState();
        state.apply(1, 1_000, batch);
        state.apply(2, 2_000, null);
        state.digest();
      },
      isDeclared: () => false,
    }),
    parserTarget({
      name: 'snapshots',
      corpus: goldenCorpus(root, 'mqtt-state', 'states.json'),
      parse: (bytes) => decodeMqttState(bytes).digest(),
      isDeclared: isFrameError,
    }),
  ];
}
