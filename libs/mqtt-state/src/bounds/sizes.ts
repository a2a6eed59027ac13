import type { Message, MessageProperties, Subscription, Will } from '@mqtt-cluster/contracts';

// Approximate sizes in memory, in bytes, measured with Node 20 on x64. They are part of the semantics: all
// members must compute the same sums. A change needs a new semantics version.

/** A session without its subscriptions, queue and will. */
export const sessionBytes = 1_920;
/** A queue item without its message. */
export const queueItemBytes = 160;
/** A node of the subscription trie, with the text of its level. */
export const trieNodeBytes = 260;
/** A tombstone without its topic. */
export const tombstoneBytes = 128;
const messageOverheadBytes = 384;
const subscriptionOverheadBytes = 224;
const sharedSubscriptionBytes = 320;
const retainedOverheadBytes = 100;
/** A node of the topic tree, with the text of its level. */
const treeNodeBytes = 360;
const userPropertyBytes = 130;
const willOverheadBytes = 640;

/** Returns the size of a message with its topic, payload and properties. */
export function messageBytes({ topic, payload, publisher, properties }: Message): number {
  const bytes = messageOverheadBytes + payload.length + Buffer.byteLength(topic) + (publisher?.length ?? 0);
  return properties === undefined ? bytes : bytes + propertiesBytes(properties);
}

export function propertiesBytes(properties: MessageProperties): number {
  const { contentType = '', responseTopic = '', correlationData, userProperties = [] } = properties;
  let bytes = userPropertyBytes + Buffer.byteLength(contentType) + Buffer.byteLength(responseTopic);
  if (correlationData) bytes += userPropertyBytes + correlationData.length;
  for (const [name, value] of userProperties)
    bytes += userPropertyBytes + Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}

export function willBytes({ topic, payload, properties }: Will): number {
  const bytes = willOverheadBytes + payload.length + Buffer.byteLength(topic);
  return properties === undefined ? bytes : bytes + propertiesBytes(properties);
}

/** Returns the size of a retained message with the nodes of its topic. */
export function retainedBytes(message: Message): number {
  return messageBytes(message) + retainedOverheadBytes + (levelsOf(message.topic) - 1) * treeNodeBytes;
}

/**
 * Returns the size of a subscription without the nodes of its filter, which subscriptions of the same filter
 * share.
 */
export function subscriptionOwnBytes({ filter }: Subscription): number {
  const shared = filter.startsWith('$share/') ? sharedSubscriptionBytes : 0;
  return subscriptionOverheadBytes + shared + Buffer.byteLength(filter);
}

/** Returns the size of a subscription whose filter shares no nodes. A client is charged with this size. */
export function subscriptionBytes(subscription: Subscription): number {
  return subscriptionOwnBytes(subscription) + levelsOf(subscription.filter) * trieNodeBytes;
}

function levelsOf(name: string): number {
  let levels = 1;
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) levels++;
  return levels;
}
