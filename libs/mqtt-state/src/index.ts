export * from './types.ts';
export {
  decodeBatch,
  decodeBatchHeader,
  decodePublishes,
  encodeBatch,
  encodePublishes,
} from './batch-codec.ts';
export type { BatchHeader } from './batch-codec.ts';
export { createMqttState, decodeMqttState } from './mqtt-state.ts';
export { asksForRetained } from './retained-queueing.ts';
export { outgoingPacketIdMax, outgoingPacketIdMin, outgoingWindowMax } from './session-queue.ts';
export { SubscriptionTrie } from './subscription-trie.ts';
export { parseShare, topicMatches, validFilter, validTopic } from './topic-names.ts';
export type { SharedFilter } from './topic-names.ts';
export { TopicTree } from './topic-tree.ts';
