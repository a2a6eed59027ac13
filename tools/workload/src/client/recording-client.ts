import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import type { QoS } from '@mqtt-cluster/history-checker';
import type { Recorder } from './recorder.ts';
import { messageIdOf, payloadOf, willPacket } from './payload.ts';
import type { WillSpec } from './payload.ts';
import { Subscriptions } from './subscriptions.ts';
import { MqttConnection } from '@mqtt-cluster/kit';
import type { ConnectionEnd, ServerAddress } from '@mqtt-cluster/kit';

/**
 * Largest number of unacknowledged messages of one publisher. The server's Receive Maximum may be lower
 * [MQTT5 3.3.4].
 */
const inFlightMax = 20;
const packetIdMax = 65_535;
const keepaliveSeconds = 10;
/** Session expiry interval of MQTT 5 for a session that does not expire. */
const expiryNever = 0xffff_ffff;
const packetIdNotFound = 0x92;

export interface ClientOptions {
  readonly clientId: string;
  readonly version: 4 | 5;
  readonly clean: boolean;
  /** Session expiry in seconds, for MQTT 5 only; null: the session does not expire. */
  readonly expirySeconds: number | null;
  readonly will: WillSpec | null;
  /** Receive Maximum, for MQTT 5 only; null or absent: the default of the standard. */
  readonly receiveMaximum?: number | null;
  /** Delay of each acknowledgement that the client sends, ms; 0 if absent. */
  readonly ackDelayMs?: number;
  readonly recorder: Recorder;
  /** Called when the server has accepted the connection. */
  readonly onConnected: (sessionPresent: boolean) => void;
  /**
   * Called when the connection or the attempt has ended; not called after `drop`, `vanish` or `disconnect`.
   */
  readonly onClosed: (end: ConnectionEnd) => void;
}

/** A message to publish. */
export interface Publication {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Whether the message clears the topic: it is retained and has an empty payload. */
  readonly clear: boolean;
  /** Message Expiry Interval in seconds, for MQTT 5 only; null or absent: the message does not expire. */
  readonly expirySeconds?: number | null;
}

interface InFlight {
  readonly message: number;
  readonly publication: Publication;
  /**
   * Whether the server has sent PUBREC. The client then sends only PUBREL, and no PUBLISH again
   * [MQTT-4.3.3-1].
   */
  released: boolean;
}

/**
 * An MQTT client that records its packets as events of a history. It keeps its session state between
 * connections.
 */
export class RecordingClient {
  readonly #options: ClientOptions;
  readonly #subscriptions = new Subscriptions();
  /** Messages without a final acknowledgement by packet id, in the order in which they were first sent. */
  readonly #inFlight = new Map<number, InFlight>();
  /**
   * Packet ids of received QoS 2 messages for which the server has not sent PUBREL: method A [MQTT5 4.3.3].
   */
  readonly #received = new Set<number>();
  /** SUBSCRIBE and UNSUBSCRIBE packets without an answer on this connection, by packet id. */
  readonly #unanswered = new Map<number, { readonly filter: string; readonly subscribe: boolean }>();
  /** Packet ids of messages that this connection has received and not completely acknowledged. */
  readonly #unacknowledged = new Set<number>();
  #connection: MqttConnection | null = null;
  #connectionId = 0;
  /** Whether CONNECT has been sent and recorded. */
  #opened = false;
  #connected = false;
  #window = inFlightMax;
  #lastPacketId = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get clientId(): string {
    return this.#options.clientId;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Whether a connection exists or is being opened. */
  get hasConnection(): boolean {
    return this.#connection !== null;
  }

  /** Whether no message of this client waits for an acknowledgement. */
  get idle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Whether the client is connected and the server has answered all of its subscriptions. */
  get ready(): boolean {
    return this.#connected && this.#subscriptions.allAnswered;
  }

  /**
   * Drops the current connection and opens a new connection. @param clean overrides the option of that name
   */
  connect(server: ServerAddress, clean: boolean = this.#options.clean): void {
    this.drop();
    const { version } = this.#options;
    const connection = this.#options.recorder.nextConnection();
    this.#connectionId = connection;
    this.#opened = false;
    this.#connection = new MqttConnection({
      server,
      version,
      makeConnect: () => this.#connectPacket(server, clean),
      handlers: {
        onConnected: (sessionPresent, receiveMaximum) => this.#onConnected(sessionPresent, receiveMaximum),
        onPacket: (packet) => this.#receive(packet),
        onEnded: (end) => this.#onEnded(end),
      },
    });
  }

  #connectPacket(server: ServerAddress, clean: boolean): IConnectPacket {
    const { clientId, version, will, recorder } = this.#options;
    const { receiveMaximum: wanted = null } = this.#options;
    const receiveMaximum = version === 5 ? wanted : null;
    const limited = receiveMaximum === null ? {} : { receiveMaximum };
    const expirySeconds = version === 4 ? (clean ? 0 : null) : this.#options.expirySeconds;
    const message = will === null ? 0 : recorder.nextMessage();
    this.#opened = true;
    recorder.record({
      type: 'connect',
      connection: this.#connectionId,
      clientId,
      server: server.id,
      version,
      clean,
      expirySeconds,
      will: will === null ? null : { message, ...will },
      ...limited,
    });
    return {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId,
      clean,
      keepalive: keepaliveSeconds,
      ...(version === 5
        ? { properties: { sessionExpiryInterval: expirySeconds ?? expiryNever, ...limited } }
        : {}),
      ...(will === null ? {} : { will: willPacket(will, message, version) }),
    };
  }

  /**
   * Publishes a message. @returns the message's id, or null when the client is not connected or its window is
   * full
   */
  publish(publication: Publication): number | null {
    if (!this.#connected || this.#inFlight.size >= this.#window) return null;
    const message = this.#options.recorder.nextMessage();
    if (publication.qos === 0) this.#sendPublish(0, message, publication, false);
    else {
      const packetId = this.#freePacketId();
      this.#inFlight.set(packetId, { message, publication, released: false });
      this.#sendPublish(packetId, message, publication, false);
    }
    return message;
  }

  /** Subscribes on this connection and, until `unsubscribe`, on later connections whose session is new. */
  subscribe(filter: string, qos: QoS): void {
    this.#subscriptions.request(filter, qos);
    if (this.#connected) this.#sendSubscription(filter, qos);
  }

  unsubscribe(filter: string): void {
    this.#subscriptions.request(filter, null);
    if (this.#connected) this.#sendSubscription(filter, null);
  }

  /** Ends the connection with a DISCONNECT. */
  disconnect(): void {
    const connection = this.#close('disconnect');
    connection?.disconnect();
  }

  /** Ends the connection without a DISCONNECT. */
  drop(): void {
    const connection = this.#close('dropped');
    connection?.abandon();
  }

  /**
   * Abandons the connection without closing it. The server detects the loss of the client only at the
   * keep-alive timeout.
   */
  vanish(): void {
    const connection = this.#close('lost');
    connection?.vanish();
  }

  #close(how: 'disconnect' | 'dropped' | 'lost'): MqttConnection | null {
    const connection = this.#connection;
    if (connection === null) return null;
    if (this.#opened) this.#options.recorder.record({ type: 'closed', connection: this.#connectionId, how });
    this.#resetConnectionState();
    return connection;
  }

  #resetConnectionState(): void {
    this.#connection = null;
    this.#connected = false;
    this.#opened = false;
    this.#unanswered.clear();
    this.#unacknowledged.clear();
  }

  #onEnded(end: ConnectionEnd): void {
    const { recorder, onClosed } = this.#options;
    const { how, code } = end;
    if (this.#opened) {
      const coded = code === undefined ? {} : { code };
      recorder.record({ type: 'closed', connection: this.#connectionId, how, ...coded });
    }
    this.#resetConnectionState();
    onClosed(end);
  }

  #onConnected(sessionPresent: boolean, receiveMaximum: number): void {
    const { recorder, onConnected } = this.#options;
    recorder.record({ type: 'connected', connection: this.#connectionId, sessionPresent });
    this.#connected = true;
    this.#window = Math.min(inFlightMax, receiveMaximum);
    if (!sessionPresent) {
      // Both sides have a new session [MQTT-3.2.2-5]: the client does not resend unacknowledged messages.
      this.#inFlight.clear();
      this.#received.clear();
    }
    for (const [packetId, { message, publication, released }] of this.#inFlight) {
      // Messages are resent in the order in which they were first sent [MQTT-4.4.0-1], [MQTT-4.6.0-1].
      if (released) this.#send({ cmd: 'pubrel', messageId: packetId });
      else this.#sendPublish(packetId, message, publication, true);
    }
    for (const { filter, qos } of this.#subscriptions.pending(sessionPresent))
      this.#sendSubscription(filter, qos);
    onConnected(sessionPresent);
  }

  #send(packet: Packet): void {
    this.#connection?.send(packet);
  }

  #sendPublish(packetId: number, message: number, publication: Publication, dup: boolean): void {
    const { topic, qos, retain, clear, expirySeconds = null } = publication;
    const expires = expirySeconds !== null && this.#options.version === 5;
    this.#options.recorder.record({
      type: 'publish',
      connection: this.#connectionId,
      message,
      topic,
      qos,
      retain,
      dup,
      clear,
      ...(expires ? { expirySeconds } : {}),
    });
    const payload = clear ? '' : payloadOf(message);
    const identified = qos === 0 ? {} : { messageId: packetId };
    const properties = expires ? { properties: { messageExpiryInterval: expirySeconds } } : {};
    this.#send({ cmd: 'publish', topic, qos, retain, dup, payload, ...identified, ...properties });
  }

  #sendSubscription(filter: string, qos: QoS | null): void {
    const messageId = this.#freePacketId();
    const subscribe = qos !== null;
    this.#unanswered.set(messageId, { filter, subscribe });
    this.#subscriptions.sent(filter, messageId);
    const type = subscribe ? 'subscribe' : 'unsubscribe';
    this.#options.recorder.record({ type, connection: this.#connectionId, filter, qos: qos ?? 0 });
    if (qos === null) this.#send({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] });
    else this.#send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos }] });
  }

  #freePacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % packetIdMax) + 1;
    while (this.#inFlight.has(this.#lastPacketId) || this.#unanswered.has(this.#lastPacketId));
    return this.#lastPacketId;
  }

  #receive(packet: Packet): void {
    const packetId = packet.messageId ?? 0;
    switch (packet.cmd) {
      case 'publish':
        return this.#receivePublish(packet);
      case 'pubrel':
        return this.#release(packetId);
      case 'puback':
      case 'pubrec':
        return this.#acked(packetId, packet.cmd, packet.reasonCode ?? 0);
      case 'pubcomp':
        return this.#completed(packetId, packet.reasonCode);
      case 'suback':
      case 'unsuback':
        return this.#answered(packetId, Number(packet.granted?.[0] ?? 0));
    }
  }

  #acked(packetId: number, cmd: 'puback' | 'pubrec', code: number): void {
    const waiting = this.#inFlight.get(packetId);
    const { recorder } = this.#options;
    if (cmd === 'pubrec' && code < 0x80) this.#send({ cmd: 'pubrel', messageId: packetId });
    if (waiting === undefined) return;
    if (!waiting.released) {
      recorder.record({ type: 'acked', connection: this.#connectionId, message: waiting.message, code });
    }
    if (cmd === 'puback' || code >= 0x80) this.#inFlight.delete(packetId);
    else waiting.released = true;
  }

  #completed(packetId: number, code: number | undefined): void {
    const waiting = this.#inFlight.get(packetId);
    if (waiting === undefined) return;
    this.#inFlight.delete(packetId);
    const { recorder } = this.#options;
    const coded = code === undefined || code === 0 ? {} : { code };
    recorder.record({
      type: 'completed',
      connection: this.#connectionId,
      message: waiting.message,
      ...coded,
    });
  }

  #answered(packetId: number, code: number): void {
    const request = this.#unanswered.get(packetId);
    if (request === undefined) return;
    const { filter, subscribe } = request;
    this.#unanswered.delete(packetId);
    this.#subscriptions.answered(filter, packetId);
    const type = subscribe ? 'subscribed' : 'unsubscribed';
    this.#options.recorder.record({ type, connection: this.#connectionId, filter, code });
  }

  #receivePublish(packet: IPublishPacket): void {
    const messageId = packet.messageId ?? 0;
    if (packet.qos > 0) this.#unacknowledged.add(messageId);
    // A packet id that has not been released belongs to the same message [MQTT-4.3.3-2].
    if (packet.qos < 2 || !this.#received.has(messageId)) {
      const { topic, qos, retain, dup, payload } = packet;
      const message = messageIdOf(payload);
      const connection = this.#connectionId;
      const expirySeconds = packet.properties?.messageExpiryInterval;
      const isLate = (this.#options.ackDelayMs ?? 0) > 0 && qos > 0;
      this.#options.recorder.record({
        type: 'delivery',
        connection,
        message,
        topic,
        qos,
        retain,
        dup,
        ...(expirySeconds === undefined ? {} : { expirySeconds }),
        ...(isLate ? { unacknowledged: this.#unacknowledged.size } : {}),
      });
    }
    if (packet.qos === 2) this.#received.add(messageId);
    if (packet.qos > 0) this.#acknowledge({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId });
  }

  /** Sends an acknowledgement after the client's delay, if the connection still exists. */
  #acknowledge(packet: Packet & { readonly messageId: number }): void {
    const { ackDelayMs = 0 } = this.#options;
    const connection = this.#connectionId;
    const send = (): void => {
      if (this.#connectionId !== connection || !this.#connected) return;
      if (packet.cmd !== 'pubrec') this.#unacknowledged.delete(packet.messageId);
      this.#send(packet);
    };
    if (ackDelayMs === 0) send();
    else setTimeout(send, ackDelayMs);
  }

  #release(messageId: number): void {
    const known = this.#received.delete(messageId);
    const unknown = !known && this.#options.version === 5 ? { reasonCode: packetIdNotFound } : {};
    this.#acknowledge({ cmd: 'pubcomp', messageId, ...unknown });
  }
}
