import type { QoS } from '@mqtt-cluster/contracts';
import { MqttClient } from 'mqtt';
import type { IClientOptions, Packet } from 'mqtt';
import { writeToStream } from 'mqtt-packet';
import { ConnectionMonitor } from '../monitor/connection-monitor.ts';
import { ClientStoppedError, NotConnectedError, PublishRefusedError } from '../errors.ts';
import { PacketSizeLimit } from './packet-size-limit.ts';
import { PacketStore } from './packet-store.ts';
import { PublishQueue } from './publish-queue.ts';
import type { PendingPublish } from './publish-queue.ts';
import { SubscriptionManager } from './subscription-manager.ts';
import { failedStream } from '../transport/open-stream.ts';
import { isPermanentFault, isRefusedIdentity } from './refusals.ts';
import type { ConnectionEnd, SessionHandlers, SessionOptions } from './session-options.ts';
import type { ClientStream, Subscriptions } from '../types.ts';

/** The longest possible delay of a timer. It disables the reconnects of MQTT.js. */
const neverMs = 2 ** 31 - 1;
/** If the socket's buffer holds more bytes, QoS 0 publishes are dropped. */
const socketBufferBytesMax = 1024 * 1024;
/** How long the client waits for the server to close the connection after DISCONNECT. */
const disconnectMsMax = 500;
/** QoS 1 and 2 messages that the server may send before an acknowledgement (MQTT 5, 3.1.2.11.3). */
const receiveMaximum = 100;
const packetIdNotFound = 0x92;

/**
 * One MQTT session with at most one connection at a time. `open` attempts one connection to one server, and every
 * attempt ends with exactly one call of `onDisconnected`. Publishes, subscriptions and QoS 2 handshakes survive the
 * connection.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #handlers: SessionHandlers;
  readonly #client: MqttClient;
  readonly #store: PacketStore;
  readonly #queue: PublishQueue;
  readonly #subscriptions: SubscriptionManager;
  /** Packet ids of inbound QoS 2 messages that were delivered but not yet released [MQTT-4.3.3-10]. */
  readonly #received = new Set<number>();
  #url = '';
  #socket: ClientStream | null = null;
  #connected = false;
  /** Upper bound of the publishes that are in flight at the same time. */
  #window: number;
  readonly #sizeLimit: PacketSizeLimit;
  /** True if this client ended the connection itself. */
  #endedHere = false;
  /** Monitors the current connection. Null before CONNACK. */
  #monitor: ConnectionMonitor | null = null;
  #disconnectTimer: NodeJS.Timeout | null = null;
  /** Collects the reason why the connection ends. */
  #end: { -readonly [Key in keyof ConnectionEnd]?: ConnectionEnd[Key] } = {};
  #drained: (() => void) | null = null;
  #dropped = 0;

  constructor(options: SessionOptions, handlers: SessionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#window = options.inFlightMax;
    this.#queue = new PublishQueue(options.unackedMax);
    this.#store = new PacketStore((packet) => this.#write(packet), options.random);
    this.#client = new MqttClient(() => this.#openStream(), this.#clientOptions());
    this.#sizeLimit = new PacketSizeLimit({
      protocolVersion: options.protocolVersion,
      packetBytesMax: options.packetBytesMax,
      queue: this.#queue,
      store: this.#store,
      remove: (packetId) => this.#client.removeOutgoingMessage(packetId),
    });
    this.#subscriptions = new SubscriptionManager(this.#client, options.alwaysSubscribe);
    this.#client.on('error', (error) => this.#onError(error));
    this.#client.on('packetreceive', (packet) => this.#onPacket(packet));
    this.#client.on('message', (_topic, _payload, packet) => {
      if (packet.qos !== 2) this.#deliver(packet);
    });
    this.#client.on('connect', (packet) => this.#onConnect(packet.sessionPresent));
    this.#client.on('close', () => this.#onClose());
  }

  get connected(): boolean {
    return this.#connected;
  }
  /**
   * True if the server has answered neither a publish nor a ping in time. Always false without the option
   * `probe`.
   */
  get suspected(): boolean {
    return this.#monitor?.suspected ?? false;
  }
  get unacked(): number {
    return this.#queue.size;
  }
  get dropped(): number {
    return this.#dropped;
  }

  /** Attempts one connection. @param clean start a clean session */
  open(url: string, clean: boolean): void {
    this.#url = url;
    this.#end = {};
    this.#endedHere = false;
    this.#client.options.clean = clean;
    // Packets in the queue of MQTT.js belong to the former connection: pings, and acknowledgements whose
    // packet ids may have another meaning now.
    this.#client.queue.length = 0;
    this.#client.connect();
  }

  publish(topic: string, payload: Buffer, qos: QoS, retain: boolean): Promise<void> {
    if (qos === 0) return this.#publishAtMostOnce(topic, payload, retain);
    return new Promise((resolve, reject) => {
      this.add({ topic, payload, qos, retain, resolve, reject });
    });
  }

  /** @throws UnackedLimitError, MessageTooLargeError */
  add(pending: PendingPublish): void {
    // Without a connection the limit of the next server is unknown: its CONNACK decides.
    if (this.#connected) this.#sizeLimit.check(pending);
    this.#queue.add(pending);
    this.#sendQueued();
  }

  /** Removes the unacknowledged QoS 1 publishes, in order, for another connection. QoS 2 publishes belong to this session. */
  takeUnackedQos1(): PendingPublish[] {
    return this.#queue
      .take(({ qos }) => qos === 1)
      .map(({ pending, packetId }) => {
        if (packetId !== null) this.#client.removeOutgoingMessage(packetId);
        return pending;
      });
  }

  /** Returns the unacknowledged QoS 1 publishes, in order. */
  unackedQos1(): PendingPublish[] {
    return this.#queue.all(1);
  }

  subscribe(subscriptions: Subscriptions): Promise<void> {
    return this.#subscriptions.subscribe(subscriptions);
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    return this.#subscriptions.unsubscribe(filters);
  }

  /** Returns whether a subscription of the client matches the topic. */
  isSubscribed(topic: string): boolean {
    return this.#subscriptions.isSubscribed(topic);
  }

  /**
   * Sends DISCONNECT, so that the server deletes the will, and closes the connection. `onDisconnected` follows.
   *
   * @param endsSession the server also deletes the session (MQTT 5, 3.14.2.2.2)
   */
  disconnect(reason: string, endsSession = false): void {
    const socket = this.#socket;
    if (!socket || !this.#connected) return this.abort(reason);
    this.#connected = false;
    this.#endedHere = true;
    this.#end.reason = reason;
    this.#monitor?.stop();
    socket.unpipe();
    socket.resume();
    const { protocolVersion, sessionExpirySeconds } = this.#options;
    const ends = endsSession && protocolVersion === 5 && sessionExpirySeconds > 0;
    this.#write({
      cmd: 'disconnect',
      reasonCode: 0,
      ...(ends && { properties: { sessionExpiryInterval: 0 } }),
    });
    socket.end();
    this.#disconnectTimer = setTimeout(() => socket.destroy(), disconnectMsMax);
  }

  /**
   * Closes the connection or ends the attempt at once. `onDisconnected` follows if there was a connection or
   * an attempt.
   */
  abort(reason: string): void {
    this.#endedHere = true;
    this.#end.reason ??= reason;
    this.#socket?.destroy();
  }

  /** Resolves when all publishes are acknowledged, or after `msMax`. */
  drained(msMax: number): Promise<void> {
    if (this.#queue.size === 0 || msMax <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, msMax);
      this.#drained = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the session permanently. Rejects the unacknowledged publishes and waiting subscriptions. */
  async end(error = new ClientStoppedError()): Promise<void> {
    this.#monitor?.stop();
    this.#connected = false;
    this.#drained?.();
    for (const { pending } of this.#queue.take(() => true)) pending.reject(error);
    this.#subscriptions.stop(error);
    // MQTT.js must have received the close event of its stream first; otherwise it waits for a reconnect.
    const socket = this.#socket;
    if (socket) await new Promise<void>((resolve) => socket.once('close', resolve).destroy());
    if (this.#url !== '') await this.#client.endAsync(true);
  }

  #clientOptions(): IClientOptions {
    const { mqtt, protocolVersion, connectTimeoutMs, pingIntervalMs, sessionExpirySeconds } = this.#options;
    const properties = { sessionExpiryInterval: sessionExpirySeconds, receiveMaximum };
    return {
      ...mqtt,
      protocolId: 'MQTT',
      protocolVersion,
      ...(protocolVersion === 5 ? { properties } : {}),
      manualConnect: true,
      reconnectPeriod: neverMs,
      connectTimeout: connectTimeoutMs,
      // The server may close the connection after 1.5 times this interval [MQTT-3.1.2-22]. Pings are sent more often.
      keepalive: Math.ceil((pingIntervalMs * 3) / 1000),
      timerVariant: { set: () => 0, clear: () => undefined },
      resubscribe: false,
      queueQoSZero: false,
      outgoingStore: this.#store,
      messageIdProvider: this.#store.messageIds,
    };
  }

  /** MQTT.js calls this function at the begin of each attempt, before it encodes CONNECT. */
  #openStream(): ClientStream {
    const { credentials, openStream } = this.#options;
    try {
      const { username, password } = credentials();
      Object.assign(this.#client.options, { username, password });
      this.#socket = openStream(this.#url);
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#end = { reason: error.message, refused: true };
      this.#socket = failedStream(error);
    }
    this.#socket.on('error', (error) => this.#onError(error));
    return this.#socket;
  }

  #write(packet: Packet): void {
    const { protocolVersion } = this.#options;
    if (this.#socket?.writable) writeToStream(packet, this.#socket, { protocolVersion });
  }

  async #publishAtMostOnce(topic: string, payload: Buffer, retain: boolean): Promise<void> {
    if (!this.#connected || !this.#socket || this.#socket.writableLength > socketBufferBytesMax) {
      this.#dropped += 1;
      throw new NotConnectedError(
        this.#connected ? 'the QoS 0 message was dropped: the socket buffer is full' : undefined,
      );
    }
    this.#sizeLimit.check({ topic, payload, qos: 0 });
    this.#client.publish(topic, payload, { qos: 0, retain });
    this.#monitor?.sent();
  }

  #sendQueued(): void {
    // Publishes that wait to be sent again count towards the window, so no new publish overtakes them [MQTT-4.6.0-1].
    while (this.#connected && this.#queue.inFlight < this.#window) {
      const pending = this.#queue.next();
      if (!pending) return;
      const { topic, payload, qos, retain } = pending;
      this.#client.publish(topic, payload, { qos, retain }, (error, packet) => {
        this.#settle(pending, error as (Error & { code?: number }) | null | undefined, packet);
      });
      this.#queue.sent(pending, this.#client.getLastMessageId());
      this.#monitor?.sent();
    }
  }

  #settle(
    pending: PendingPublish,
    error: (Error & { code?: number }) | null | undefined,
    packet?: Packet,
  ): void {
    if (!this.#queue.settle(pending)) return;
    // The server had already completed the QoS 2 exchange when the PUBREL was sent again, so the server has
    // received the message.
    const released = packet?.cmd === 'pubcomp' && error?.code === packetIdNotFound;
    if (!error || released) pending.resolve();
    else if (typeof error.code === 'number')
      pending.reject(new PublishRefusedError(error.code, { cause: error }));
    else pending.reject(new ClientStoppedError(error.message, { cause: error }));
    if (this.#queue.size === 0) this.#drained?.();
    this.#sendQueued();
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === 'connack') {
      const error = (packet.reasonCode ?? packet.returnCode ?? 0) || null;
      this.#end.reasonCode = error;
      this.#end.serverReference = packet.properties?.serverReference ?? null;
      if (error !== null) {
        this.#end.refused = isRefusedIdentity(error, this.#options.protocolVersion);
        this.#socket?.destroy();
        return;
      }
      if (!packet.sessionPresent) this.#received.clear();
      const { receiveMaximum: window = Infinity, maximumPacketSize = Infinity } = packet.properties ?? {};
      this.#window = Math.min(this.#options.inFlightMax, window);
      this.#sizeLimit.connected(maximumPacketSize);
      this.#store.prepare(packet.sessionPresent, this.#window);
    } else if (packet.cmd === 'publish' && packet.qos === 2 && packet.messageId !== undefined) {
      // The message is delivered on receipt, not with PUBREL as in MQTT.js. After PUBREC the server deletes
      // the message, and this process might end before PUBREL.
      if (this.#received.has(packet.messageId)) return;
      this.#received.add(packet.messageId);
      this.#deliver(packet);
    } else if (packet.cmd === 'pubrel' && packet.messageId !== undefined) {
      this.#received.delete(packet.messageId);
    } else if (packet.cmd === 'disconnect') {
      this.#end.reasonCode = packet.reasonCode ?? 0;
      this.#end.refused = isRefusedIdentity(this.#end.reasonCode, this.#options.protocolVersion);
      this.#end.serverReference = packet.properties?.serverReference ?? null;
      this.#end.reason ??=
        packet.properties?.reasonString ?? `DISCONNECT 0x${(packet.reasonCode ?? 0).toString(16)}`;
      this.#socket?.destroy();
    }
  }

  #deliver(packet: Extract<Packet, { cmd: 'publish' }>): void {
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const { topic, qos, retain } = packet;
    this.#handlers.onMessage({ topic, payload, qos, retain, duplicate: packet.dup });
  }

  #onConnect(sessionPresent: boolean): void {
    // The socket may have closed between CONNACK and this event, or the client is already disconnecting.
    if (this.#connected || !this.#client.connected || this.#end.reason !== undefined) return;
    this.#connected = true;
    this.#startMonitor();
    this.#subscriptions.connected(sessionPresent);
    this.#handlers.onConnected(sessionPresent);
    this.#sendQueued();
  }

  #onError(error: Error & { code?: unknown }): void {
    this.#end.reason ??= error.message || String(error.code);
    this.#end.silent ??= error.message === 'connack timeout';
    this.#end.refused ??= isPermanentFault(error);
  }

  #onClose(): void {
    const lastReceivedMs = this.#monitor?.lastReceivedMs ?? performance.now();
    const wasConnected = this.#monitor !== null;
    if (wasConnected && !this.#endedHere) this.#sizeLimit.closedByServer(this.#end.reasonCode ?? null);
    this.#monitor?.stop();
    if (this.#disconnectTimer) clearTimeout(this.#disconnectTimer);
    this.#disconnectTimer = this.#monitor = this.#socket = null;
    this.#connected = false;
    this.#subscriptions.disconnected();
    const {
      reason = 'connection closed',
      silent = false,
      reasonCode = null,
      serverReference = null,
      refused = false,
    } = this.#end;
    this.#handlers.onDisconnected({
      wasConnected,
      reason,
      silent,
      reasonCode,
      serverReference,
      refused,
      lastReceivedMs,
    });
  }

  #startMonitor(): void {
    const { pingIntervalMs, silenceMsMax, probe } = this.#options;
    const serverKeepAlive = this.#client.serverProperties?.serverKeepAlive;
    this.#monitor = new ConnectionMonitor({
      pingIntervalMs: serverKeepAlive ? Math.min(pingIntervalMs, serverKeepAlive * 500) : pingIntervalMs,
      silenceMsMax,
      probe,
      bytesRead: () => this.#socket?.bytesRead ?? 0,
      ackDue: () => this.#queue.inFlight > 0,
      sendPing: () => this.#client.sendPing(),
      onSilent: () => {
        this.#end.silent = true;
        this.abort(`nothing received for ${silenceMsMax} ms`);
      },
      onSuspected: () => this.#handlers.onSuspected(),
    });
  }
}
