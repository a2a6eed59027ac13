import { Readable } from 'node:stream';

/**
 * The emitter and the persistence of the cluster listener's Aedes. Both discard everything: the listener
 * handles frames before they reach the emitter, and connections of bridges have no sessions. No function here
 * rejects, because Aedes leaves some rejections unhandled.
 */
type Callback = (error?: Error | null) => void;

function callLater(done?: Callback): void {
  // Aedes reads on from within the callback. A synchronous call would recurse through a burst of packets.
  if (done) queueMicrotask(done);
}

export const discardingEmitter = {
  on(_topic: string, _listener: unknown, done?: Callback): void {
    callLater(done);
  },
  removeListener(_topic: string, _listener: unknown, done?: Callback): void {
    callLater(done);
  },
  emit(_packet: unknown, done?: Callback): void {
    callLater(done);
  },
  close(done?: Callback): void {
    callLater(done);
  },
};

const resolveVoid = async (): Promise<void> => {};
const resolveEmptyList = async (): Promise<never[]> => [];
const emptyStream = (): Readable => Readable.from([]);

export const emptyPersistence = {
  // Aedes checks that this is an async function.
  async setup(): Promise<void> {},
  cleanSubscriptions: resolveVoid,
  addSubscriptions: resolveVoid,
  removeSubscriptions: resolveVoid,
  subscriptionsByClient: resolveEmptyList,
  subscriptionsByTopic: resolveEmptyList,
  storeRetained: resolveVoid,
  createRetainedStreamCombi: emptyStream,
  outgoingEnqueue: resolveVoid,
  outgoingEnqueueCombi: resolveVoid,
  outgoingUpdate: resolveVoid,
  outgoingClearMessageId: resolveVoid,
  outgoingStream: emptyStream,
  incomingStorePacket: resolveVoid,
  incomingGetPacket: resolveVoid,
  incomingDelPacket: resolveVoid,
  putWill: resolveVoid,
  delWill: resolveVoid,
  streamWill: emptyStream,
};
