import type { Duplex } from 'node:stream';
import { generate, parser } from 'mqtt-packet';
import type { IConnackPacket, IPubackPacket, IPublishPacket, ISubackPacket, Packet } from 'mqtt-packet';
import type { QoS } from '@mqtt-cluster/contracts';
import { ApiProblem } from '../http/api-problem.ts';

/** Time for each answer of the broker. Without a majority, an answer to a publish may take longer. */
const answerMsMax = 5_000;
const packetIdMax = 65_535;
const failureMin = 0x80;

const reasons: Readonly<Record<number, string>> = {
  0x87: 'the access rules do not permit it',
  0x8a: 'the client identifier is banned',
  0x8e: 'another client has the same client identifier',
  0x90: 'the topic name is not valid here',
  0x95: 'the message is too large',
  0x97: 'a quota is exceeded',
  0x99: 'the payload does not have the declared format',
  0x9c: 'this member does not serve now',
  0x9d: 'this member does not serve now',
};

/** A message that the client sends. */
export interface LocalPublish {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: IPublishPacket['properties'];
}

export interface LocalClientOptions {
  /** Opens the connection. `onQos0Refused` is called with the reason code when the broker rejects a QoS 0 publish. */
  readonly open: (onQos0Refused: (reasonCode: number) => void) => Duplex;
  readonly clientId: string;
  /** QoS 1 and 2 messages that the broker may send without an acknowledgement. */
  readonly receiveMaximum?: number;
  /** Called with each message, which the client acknowledges when the promise resolves. */
  readonly onMessage?: (message: IPublishPacket) => Promise<void> | void;
  /** Called once when the connection has ended. */
  readonly onClose?: () => void;
}

/**
 * An MQTT 5 client of this member inside this process. All checks of the broker hold for it: rules, bounds and quotas. The
 * session ends with the connection.
 */
export class LocalClient {
  readonly #options: LocalClientOptions;
  readonly #stream: Duplex;
  readonly #parser = parser({ protocolVersion: 5 });
  readonly #waiting = new Map<string, (packet: Packet | null) => void>();
  #lastPacketId = 0;
  /** Reason code of the last QoS 0 publish if the broker rejected it. */
  #qos0Refusal: number | null = null;
  #isClosed = false;

  private constructor(options: LocalClientOptions) {
    this.#options = options;
    const stream = options.open((reasonCode) => (this.#qos0Refusal = reasonCode));
    this.#stream = stream;
    this.#parser.on('packet', (packet) => this.#onPacket(packet));
    this.#parser.on('error', () => stream.destroy());
    stream.on('data', (chunk: Buffer) => this.#parser.parse(chunk));
    stream.on('error', () => undefined); // the event `close` follows
    stream.once('close', () => this.#onClose());
  }

  /** @throws ApiProblem the broker refuses the connection */
  static async connect(options: LocalClientOptions): Promise<LocalClient> {
    const client = new LocalClient(options);
    const answer = client.#expect('connack', 'the connection');
    client.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      clientId: options.clientId,
      keepalive: 0,
      properties: {
        sessionExpiryInterval: 0,
        ...(options.receiveMaximum !== undefined && { receiveMaximum: options.receiveMaximum }),
      },
    });
    const { reasonCode = 0 } = (await answer) as IConnackPacket;
    if (reasonCode >= failureMin) {
      client.end();
      throw refusal('the connection', reasonCode);
    }
    return client;
  }

  /**
   * Resolves when the broker has acknowledged the message, or has accepted a message with QoS 0.
   *
   * @throws ApiProblem the broker rejects the message
   */
  async publish(
    message: LocalPublish,
  ): Promise<{ readonly acknowledged: boolean; readonly noSubscribers: boolean }> {
    const { qos } = message;
    const packet: IPublishPacket = {
      cmd: 'publish',
      dup: false,
      ...(message as LocalPublish & { properties: object }),
    };
    if (qos === 0) {
      this.#qos0Refusal = null;
      this.#send(packet);
      // QoS 0 has no acknowledgement. The answer to a later packet shows that the broker has handled the message.
      const read = this.#expect('pingresp', 'the message');
      this.#send({ cmd: 'pingreq' });
      await read;
      if (this.#qos0Refusal !== null) throw refusal('the message', this.#qos0Refusal);
      return { acknowledged: false, noSubscribers: false };
    }
    const messageId = this.#nextPacketId();
    const first = this.#expect(`${qos === 1 ? 'puback' : 'pubrec'} ${messageId}`, 'the message');
    this.#send({ ...packet, messageId });
    const { reasonCode = 0 } = (await first) as IPubackPacket;
    if (reasonCode >= failureMin) throw refusal('the message', reasonCode);
    if (qos === 2) {
      const complete = this.#expect(`pubcomp ${messageId}`, 'the message');
      this.#send({ cmd: 'pubrel', messageId });
      await complete;
    }
    return { acknowledged: true, noSubscribers: reasonCode === 0x10 };
  }

  /** @throws ApiProblem the rules do not permit the filter */
  async subscribe(filter: string, qos: QoS): Promise<void> {
    const messageId = this.#nextPacketId();
    const answer = this.#expect(`suback ${messageId}`, 'the subscription');
    this.#send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos }] });
    const [granted = failureMin] = ((await answer) as ISubackPacket).granted as number[];
    if (granted >= failureMin) throw refusal('the subscription', granted);
  }

  /** Ends the connection and the session. */
  end(): void {
    if (this.#isClosed) return;
    this.#send({ cmd: 'disconnect', reasonCode: 0 });
    this.#stream.end();
  }

  #send(packet: Packet): void {
    if (!this.#stream.destroyed) this.#stream.write(generate(packet, { protocolVersion: 5 }));
  }

  /** Waits for an answer of the broker. @throws ApiProblem 503 */
  async #expect(key: string, what: string): Promise<Packet> {
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Packet | null>((resolve) => {
      if (this.#isClosed) return resolve(null);
      this.#waiting.set(key, resolve);
      timer = setTimeout(() => resolve(null), answerMsMax);
    });
    clearTimeout(timer);
    this.#waiting.delete(key);
    if (answer !== null) return answer;
    const why = this.#isClosed ? 'the member has closed the connection' : 'the member has no majority now';
    throw new ApiProblem(503, `${what} was not acknowledged: ${why}`, { later: true });
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === 'publish') return void this.#onMessage(packet);
    if (packet.cmd === 'pubrel') return this.#send({ cmd: 'pubcomp', messageId: packet.messageId! });
    if (packet.cmd === 'disconnect') return void this.#stream.destroy();
    const isNumbered = packet.messageId !== undefined;
    this.#waiting.get(isNumbered ? `${packet.cmd} ${packet.messageId}` : packet.cmd)?.(packet);
  }

  async #onMessage(packet: IPublishPacket): Promise<void> {
    await this.#options.onMessage?.(packet);
    if (packet.qos > 0)
      this.#send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! });
  }

  #onClose(): void {
    this.#isClosed = true;
    for (const resolve of this.#waiting.values()) resolve(null);
    this.#options.onClose?.();
  }

  #nextPacketId(): number {
    this.#lastPacketId = (this.#lastPacketId % packetIdMax) + 1;
    return this.#lastPacketId;
  }
}

function refusal(what: string, code: number): ApiProblem {
  const reason = reasons[code] ?? `reason code 0x${code.toString(16)}`;
  if (code === 0x87) return new ApiProblem(403, `${what} was refused: ${reason}`);
  const isLater = code === 0x97 || code === 0x9c || code === 0x9d || code === 0x88 || code === 0x89;
  return new ApiProblem(isLater ? 503 : 409, `${what} was refused: ${reason}`, { later: isLater });
}
