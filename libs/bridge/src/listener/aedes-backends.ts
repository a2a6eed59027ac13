import { Readable } from 'node:stream';

/**
 * What Aedes routes and stores through, made to do neither: a bridge's frames are taken before they get here,
 * and no bridge has a session. Nothing ever rejects here, since Aedes leaves some rejections unhandled.
 */
type Callback = (error?: Error | null) => void;

function later(done?: Callback): void {
  // Not at once: Aedes reads on from within the callback, and a burst would nest.
  if (done) queueMicrotask(done);
}

export const discardingEmitter = {
  on(_topic: string, _listener: unknown, done?: Callback): void {
    later(done);
  },
  removeListener(_topic: string, _listener: unknown, done?: Callback): void {
    later(done);
  },
  emit(_packet: unknown, done?: Callback): void {
    later(done);
  },
  close(done?: Callback): void {
    later(done);
  },
};

const nothing = async (): Promise<void> => {};
const noList = async (): Promise<never[]> => [];
const noStream = (): Readable => Readable.from([]);

export const emptyPersistence = {
  // Aedes insists on an async function.
  async setup(): Promise<void> {},
  cleanSubscriptions: nothing,
  addSubscriptions: nothing,
  removeSubscriptions: nothing,
  subscriptionsByClient: noList,
  subscriptionsByTopic: noList,
  storeRetained: nothing,
  createRetainedStreamCombi: noStream,
  outgoingEnqueue: nothing,
  outgoingEnqueueCombi: nothing,
  outgoingUpdate: nothing,
  outgoingClearMessageId: nothing,
  outgoingStream: noStream,
  incomingStorePacket: nothing,
  incomingGetPacket: nothing,
  incomingDelPacket: nothing,
  putWill: nothing,
  delWill: nothing,
  streamWill: noStream,
};
