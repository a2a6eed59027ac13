import type {
  ClientEffect,
  ClientInput,
  ConnectionId,
  ConnectRequest,
  PublishRequest,
  PublishResult,
} from '@mqtt-cluster/contracts';
import { refused, StateChangeError } from './state-change-error.ts';

/** Time in which the cluster must apply a step of a change, ms. It is longer than an election. */
const appliedMsMax = 5_000;
/** Packet ids of MQTT have two bytes. */
const packetIdEnd = 65_536;

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: StateChangeError) => void;
  readonly timer: NodeJS.Timeout;
}

/** A message to publish, without the packet id that the connection chooses. */
export type PublishMessage = Omit<PublishRequest, 'packetId'>;

/** A client connection inside this process, by which a request changes the replicated state. */
export class InternalConnection {
  readonly id: ConnectionId;
  readonly #input: (input: ClientInput) => void;
  readonly #ended: () => void;
  #opening: Waiting<void> | null = null;
  readonly #publishes = new Map<number, Waiting<PublishResult>>();
  /** The results of QoS 2 publishes that wait for PUBCOMP. */
  readonly #received = new Map<number, PublishResult>();
  #nextPacketId = 1;
  #failure: StateChangeError | null = null;

  /** @param ended called once, when the connection has ended */
  constructor(id: ConnectionId, input: (input: ClientInput) => void, ended: () => void) {
    this.id = id;
    this.#input = input;
    this.#ended = ended;
  }

  /** Resolves when the cluster has opened the session. */
  open(request: ConnectRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opening = this.#waiting(resolve, reject);
      this.#input({ kind: 'connect', request });
    });
  }

  /**
   * Publishes a message. Resolves when the cluster has applied a message of QoS 1 or 2. A message of QoS 0 has no
   * acknowledgement, so the call resolves at once.
   */
  async publish(message: PublishMessage): Promise<PublishResult> {
    if (this.#failure !== null) throw this.#failure;
    if (message.qos === 0) {
      this.#input({ kind: 'publish', request: message });
      return 'ok';
    }
    const packetId = this.#nextPacketId;
    this.#nextPacketId = packetId + 1 === packetIdEnd ? 1 : packetId + 1;
    return new Promise((resolve, reject) => {
      this.#publishes.set(packetId, this.#waiting(resolve, reject));
      this.#input({ kind: 'publish', request: { ...message, packetId } });
    });
  }

  /** Ends the connection, and with it its session. Does nothing if the connection has ended. */
  end(): void {
    if (this.#failure !== null) return;
    this.#fail(refused('protocolError'));
    this.#input({ kind: 'disconnect', graceful: true });
  }

  onEffect(effect: ClientEffect): void {
    switch (effect.kind) {
      case 'connack':
        this.#opening?.resolve();
        this.#opening = settled(this.#opening);
        return;
      case 'refuse':
      case 'close':
        return this.#fail(refused(effect.reason));
      case 'puback':
        return this.#answer(effect.packetId, effect.result, effect.degraded === true);
      case 'pubrec':
        if (effect.result === 'quotaExceeded' || effect.degraded)
          return this.#answer(effect.packetId, effect.result, effect.degraded === true);
        this.#received.set(effect.packetId, effect.result);
        return this.#input({ kind: 'pubrel', packetId: effect.packetId });
      case 'pubcomp': {
        const result = this.#received.get(effect.packetId) ?? 'ok';
        this.#received.delete(effect.packetId);
        return this.#answer(effect.packetId, result, false);
      }
    }
  }

  #answer(packetId: number, result: PublishResult, isDegraded: boolean): void {
    const waiting = this.#publishes.get(packetId);
    if (waiting === undefined) return;
    this.#publishes.delete(packetId);
    settled(waiting);
    if (isDegraded) {
      const message =
        'this member has lost its majority: it has stored the message and publishes it when it has a majority again';
      waiting.reject(new StateChangeError(message, { later: true, refusal: 'isolated' }));
    } else if (result === 'quotaExceeded') waiting.reject(refused('quotaExceeded'));
    else waiting.resolve(result);
  }

  #waiting<Result>(
    resolve: (result: Result) => void,
    reject: (error: StateChangeError) => void,
  ): Waiting<Result> {
    const onTimeout = (): void => {
      const text =
        'the change is proposed but not yet applied: read the state again, then repeat the request';
      const wasOpen = this.#failure === null;
      this.#fail(new StateChangeError(text, { later: true }));
      if (wasOpen) this.#input({ kind: 'disconnect', graceful: true });
    };
    return { resolve, reject, timer: setTimeout(onTimeout, appliedMsMax) };
  }

  #fail(error: StateChangeError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    for (const waiting of [this.#opening, ...this.#publishes.values()]) {
      settled(waiting);
      waiting?.reject(error);
    }
    this.#opening = null;
    this.#publishes.clear();
    this.#ended();
  }
}

function settled(waiting: Waiting<never> | Waiting<void> | Waiting<PublishResult> | null): null {
  if (waiting !== null) clearTimeout(waiting.timer);
  return null;
}
