import { FrameError } from '@mqtt-cluster/contracts';
import type { MemberId, PeerMessage } from '@mqtt-cluster/contracts';
import type { RateLimitedLog } from '../rate-limited-log.ts';
import type { PeerStatistics } from '../link/peer-statistics.ts';

interface IncomingFrame {
  readonly from: MemberId;
  readonly frame: Uint8Array;
  readonly statistics: PeerStatistics;
  readonly log: RateLimitedLog;
  readonly decode: (frame: Uint8Array) => readonly PeerMessage[];
  readonly deliver: (message: PeerMessage) => void;
}

/** Delivers the messages of a valid frame one by one. Counts, logs and drops an invalid frame. */
export function receiveFrame({ from, frame, statistics, log, decode, deliver }: IncomingFrame): void {
  statistics.bytesReceived += frame.length;
  let messages: readonly PeerMessage[];
  try {
    messages = decode(frame);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    statistics.framesRefused += 1;
    log.warn(from, { peer: from, reason: error.message }, 'frame of a peer dropped: it is invalid');
    return;
  }
  statistics.framesReceived += 1;
  for (const message of messages) deliver(message);
}
