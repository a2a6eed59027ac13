import type { Channel, PeerMessage } from '@mqtt-cluster/contracts';
import { encodeFrames } from './frame.ts';

/** Caches the last frames of each channel, so that equal messages to several peers are encoded once. */
export class FrameEncoder {
  readonly #last = new Map<Channel, { messages: readonly PeerMessage[]; frames: readonly Uint8Array[] }>();

  encode(channel: Channel, messages: readonly PeerMessage[]): readonly Uint8Array[] {
    const last = this.#last.get(channel);
    if (last && sameObjects(last.messages, messages)) return last.frames;
    const frames = encodeFrames(messages);
    this.#last.set(channel, { messages, frames });
    return frames;
  }
}

function sameObjects(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((message, index) => message === other[index]);
}
