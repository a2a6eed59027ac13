/** How far the messages of a stream are published in the cluster. It is a part of the replicated state. */
export interface AppliedMark {
  /** Names the stream: one that is deleted and created again has another name here. */
  readonly stream: string;
  /** Names the rules: they decide which messages are published. */
  readonly rules: string;
  readonly sequence: number;
  /** Packet ids of messages up to this one that may not be released yet. */
  readonly packetIds: readonly number[];
}

/** Returns the mark as topic levels. */
export function encodeAppliedMark({ stream, rules, sequence, packetIds }: AppliedMark): string {
  return [stream, rules, sequence, packetIds.join(',')].join('/');
}

export function decodeAppliedMark(levels: string): AppliedMark {
  const [stream = '', rules = '', sequence = '', ids = ''] = levels.split('/');
  const packetIds = ids === '' ? [] : ids.split(',').map(Number);
  return { stream, rules, sequence: Number(sequence), packetIds };
}
