export * from './types.ts';
export {
  decodeBatch,
  decodeBatchHeader,
  decodePublishes,
  encodeBatch,
  encodePublishes,
} from './codec/batch-codec.ts';
export type { BatchHeader } from './codec/batch-codec.ts';
export { isValidUser, obstacleOfChange } from './access/access-table.ts';
export { isConfigured } from './commands/proposers.ts';
export type { EncodedState } from './codec/encoded-state.ts';
export type { BodyCache } from './bodies/body-content.ts';
export { createMqttState, decodeMqttState } from './mqtt-state.ts';
export { warmUp } from './warm-up.ts';
export { mayReceive } from './session/queueing.ts';
export { asksForRetained } from './topics/retained-queueing.ts';
export { SubscriptionTrie } from './topics/subscription-trie.ts';
export {
  parseSharedFilter,
  topicMatches,
  isValidTopicFilter,
  isValidTopicName,
} from './topics/topic-names.ts';
export { compareTopics, TopicTree } from './topics/topic-tree.ts';
export type { VisitBudget } from './topics/topic-tree.ts';
export { replicatedBytesMax } from './bounds/replicated-bytes.ts';
export type { ReplicatedBytesMax } from './bounds/replicated-bytes.ts';
export { isWithinShare } from './bounds/share.ts';
export type { Part } from './codec/bytes.ts';
export { settingsOf } from './codec/command-codec.ts';
export {
  messageBytes,
  propertiesBytes,
  queueItemBytes,
  retainedBytes,
  subscriptionBytes,
} from './bounds/sizes.ts';
