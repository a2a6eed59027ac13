import { FrameError } from '@mqtt-cluster/contracts';
import type { MemberId, PeerMessage } from '@mqtt-cluster/contracts';
import type { OccasionalLog } from '../rate-limited-log.ts';
import type { PeerStatistics } from '../link/peer-statistics.ts';

export interface IncomingFrame {
  readonly from: MemberId;
  readonly frame: Uint8Array;
  readonly statistics: PeerStatistics;
  readonly log: OccasionalLog;
  readonly decode: (frame: Uint8Array) => readonly PeerMessage[];
  readonly deliver: (message: PeerMessage) => void;
}

/** A good frame is delivered message by message; any other is counted, logged now and then, and forgotten. */
export function takeMessages({ from, frame, statistics, log, decode, deliver }: IncomingFrame): void {
  statistics.bytesReceived += frame.length;
  let messages: readonly PeerMessage[];
  try {
    messages = decode(frame);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    statistics.framesRefused += 1;
    log.warn(from, { peer: from, reason: error.message }, 'a frame was refused');
    return;
  }
  statistics.framesReceived += 1;
  for (const message of messages) deliver(message);
}
