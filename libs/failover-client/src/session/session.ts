import type { Socket } from 'node:net';
import type { QoS } from '@mqtt-cluster/contracts';
import { MqttClient } from 'mqtt';
import type { IClientOptions, Packet } from 'mqtt';
import { writeToStream } from 'mqtt-packet';
import { ConnectionChecks } from '../connection/connection-monitor.ts';
import { ClientStoppedError, NotConnectedError, PublishRefusedError } from '../errors.ts';
import { PacketStore } from './packet-store.ts';
import { PublishQueue } from './publish-queue.ts';
import type { Pending } from './publish-queue.ts';
import { SubscriptionFlow } from './subscription-manager.ts';
import { openSocket } from './socket.ts';
import type { SessionDown, SessionHooks, SessionOptions } from './session-options.ts';
import type { Subscriptions } from '../types.ts';

/** Our own reconnects, not those of MQTT.js: as far away as a timer can be. */
const neverMs = 2 ** 31 - 1;
/** Bytes of QoS 0 publishes in the socket's buffer, then more are dropped. */
const socketBufferBytesMax = 1024 * 1024;
/** How long a server may take to close after our DISCONNECT. */
const goodbyeMsMax = 500;
/** Messages a server may send us before our ack (MQTT 5, 3.1.2.11.3). */
const receiveMaximum = 100;
const packetIdNotFound = 0x92;

/**
 * One MQTT session and at most one connection of it. `open` makes one attempt at one server; every attempt
 * ends with exactly one `down`. Publishes, subscriptions and QoS 2 handshakes outlive connections.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #hooks: SessionHooks;
  readonly #client: MqttClient;
  readonly #store: PacketStore;
  readonly #queue: PublishQueue;
  readonly #subscriptions: SubscriptionFlow;
  /** Inbound QoS 2 that was handed on and not yet released [MQTT-4.3.3-10]. */
  readonly #received = new Set<number>();
  #url = '';
  #socket: Socket | null = null;
  #up = false;
  #window: number;
  /** Of the connection that is or was just up. */
  #checks: ConnectionChecks | null = null;
  #goodbye: NodeJS.Timeout | null = null;
  #down: { -readonly [Key in keyof SessionDown]?: SessionDown[Key] } = {};
  #drained: (() => void) | null = null;
  #dropped = 0;

  constructor(options: SessionOptions, hooks: SessionHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#window = options.inFlightMax;
    this.#queue = new PublishQueue(options.unackedMax);
    this.#store = new PacketStore((packet) => this.#write(packet), options.random);
    this.#client = new MqttClient(() => this.#openStream(), this.#clientOptions());
    this.#subscriptions = new SubscriptionFlow(this.#client, options.alwaysSubscribe);
    this.#client.on('error', (error) => this.#onError(error));
    this.#client.on('packetreceive', (packet) => this.#onPacket(packet));
    this.#client.on('message', (_topic, _payload, packet) => {
      if (packet.qos !== 2) this.#deliver(packet);
    });
    this.#client.on('connect', (packet) => this.#onConnect(packet.sessionPresent));
    this.#client.on('close', () => this.#onClose());
  }

  get up(): boolean {
    return this.#up;
  }
  /** The server has not answered for a moment, not even a ping; always false without `doubt` in the options. */
  get doubtful(): boolean {
    return this.#checks?.doubtful ?? false;
  }
  get unacked(): number {
    return this.#queue.size;
  }
  get dropped(): number {
    return this.#dropped;
  }

  open(url: string, clean: boolean): void {
    this.#url = url;
    this.#down = {};
    this.#client.options.clean = clean;
    // What waits there was meant for the former connection: pings, and acks whose packet ids may mean
    // something else now.
    this.#client.queue.length = 0;
    this.#client.connect();
  }

  publish(topic: string, payload: Buffer, qos: QoS, retain: boolean): Promise<void> {
    if (qos === 0) return this.#publishAtMostOnce(topic, payload, retain);
    return new Promise((resolve, reject) => {
      this.add({ topic, payload, qos, retain, resolve, reject });
    });
  }

  /** @throws UnackedLimitError */
  add(pending: Pending): void {
    this.#queue.add(pending);
    this.#pump();
  }

  /** Takes QoS 1 publishes back, in their order, to be sent elsewhere; QoS 2 ones belong to this session. */
  takeBack(): Pending[] {
    return this.#queue
      .take(({ qos }) => qos === 1)
      .map(({ pending, packetId }) => {
        if (packetId !== null) this.#client.removeOutgoingMessage(packetId);
        return pending;
      });
  }

  /** QoS 1 publishes that are not acked, in their order. */
  unackedAtLeastOnce(): Pending[] {
    return this.#queue.all(1);
  }

  subscribe(subscriptions: Subscriptions): Promise<void> {
    return this.#subscriptions.subscribe(subscriptions);
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    return this.#subscriptions.unsubscribe(filters);
  }

  wants(topic: string): boolean {
    return this.#subscriptions.wants(topic);
  }

  /** Says DISCONNECT, so that the server forgets the will, and closes; `down` follows. */
  leave(reason: string): void {
    const socket = this.#socket;
    if (!socket || !this.#up) return this.abort(reason);
    this.#up = false;
    this.#down.reason = reason;
    this.#checks?.stop();
    socket.unpipe();
    socket.resume();
    this.#write({ cmd: 'disconnect', reasonCode: 0 });
    socket.end();
    this.#goodbye = setTimeout(() => socket.destroy(), goodbyeMsMax);
  }

  /** Closes at once; `down` follows when there was a connection or an attempt. */
  abort(reason: string): void {
    this.#down.reason ??= reason;
    this.#socket?.destroy();
  }

  /** Resolves when no ack is due, or after `msMax`. */
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

  /** For good: what is unacked rejects. */
  async end(error = new ClientStoppedError()): Promise<void> {
    this.#checks?.stop();
    this.#up = false;
    this.#drained?.();
    for (const { pending } of this.#queue.take(() => true)) pending.reject(error);
    this.#subscriptions.end(error);
    // MQTT.js must have seen its stream close before: it would wait for a reconnect otherwise.
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
      // The server may take us for dead after one and a half of it; our pings come more often than that.
      keepalive: Math.ceil((pingIntervalMs * 3) / 1000),
      timerVariant: { set: () => 0, clear: () => undefined },
      resubscribe: false,
      queueQoSZero: false,
      outgoingStore: this.#store,
      messageIdProvider: this.#store.messageIds,
    };
  }

  #openStream(): Socket {
    this.#socket = openSocket(this.#url, this.#options.tls);
    return this.#socket;
  }

  #write(packet: Packet): void {
    const { protocolVersion } = this.#options;
    if (this.#socket?.writable) writeToStream(packet, this.#socket, { protocolVersion });
  }

  #publishAtMostOnce(topic: string, payload: Buffer, retain: boolean): Promise<void> {
    if (!this.#up || !this.#socket || this.#socket.writableLength > socketBufferBytesMax) {
      this.#dropped += 1;
      return Promise.reject(
        new NotConnectedError(this.#up ? 'the socket is full: the QoS 0 message was dropped' : undefined),
      );
    }
    this.#client.publish(topic, payload, { qos: 0, retain });
    this.#checks?.sent();
    return Promise.resolve();
  }

  #pump(): void {
    // What was on the way before and waits to be sent again fills the window, so nothing new overtakes it
    // [MQTT-4.6.0-1].
    while (this.#up && this.#queue.inFlight < this.#window) {
      const pending = this.#queue.next();
      if (!pending) return;
      const { topic, payload, qos, retain } = pending;
      this.#client.publish(topic, payload, { qos, retain }, (error, packet) => {
        this.#settle(pending, error as (Error & { code?: number }) | null | undefined, packet);
      });
      this.#queue.sent(pending, this.#client.getLastMessageId());
      this.#checks?.sent();
    }
  }

  #settle(pending: Pending, error: (Error & { code?: number }) | null | undefined, packet?: Packet): void {
    if (!this.#queue.settle(pending)) return;
    // PUBREL for what the server had completed before: it has the message.
    const released = packet?.cmd === 'pubcomp' && error?.code === packetIdNotFound;
    if (!error || released) pending.resolve();
    else if (typeof error.code === 'number')
      pending.reject(new PublishRefusedError(error.code, { cause: error }));
    else pending.reject(new ClientStoppedError(error.message, { cause: error }));
    if (this.#queue.size === 0) this.#drained?.();
    this.#pump();
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === 'connack') {
      const refused = (packet.reasonCode ?? packet.returnCode ?? 0) || null;
      this.#down.reasonCode = refused;
      this.#down.serverReference = packet.properties?.serverReference ?? null;
      if (refused !== null) return;
      if (!packet.sessionPresent) this.#received.clear();
      this.#window = Math.min(this.#options.inFlightMax, packet.properties?.receiveMaximum ?? Infinity);
      this.#store.prepare(packet.sessionPresent, this.#window);
    } else if (packet.cmd === 'publish' && packet.qos === 2 && packet.messageId !== undefined) {
      // Handed on when it comes, not with PUBREL as MQTT.js does: after PUBREC the server forgets it, and we
      // may die.
      if (this.#received.has(packet.messageId)) return;
      this.#received.add(packet.messageId);
      this.#deliver(packet);
    } else if (packet.cmd === 'pubrel' && packet.messageId !== undefined) {
      this.#received.delete(packet.messageId);
    } else if (packet.cmd === 'disconnect') {
      this.#down.reasonCode = packet.reasonCode ?? 0;
      this.#down.serverReference = packet.properties?.serverReference ?? null;
      this.#down.reason ??=
        packet.properties?.reasonString ?? `DISCONNECT 0x${(packet.reasonCode ?? 0).toString(16)}`;
      this.#socket?.destroy();
    }
  }

  #deliver(packet: Extract<Packet, { cmd: 'publish' }>): void {
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const { topic, qos, retain } = packet;
    this.#hooks.message({ topic, payload, qos, retain, duplicate: packet.dup });
  }

  #onConnect(sessionPresent: boolean): void {
    // The socket may have closed between CONNACK and this event, or we may be leaving already.
    if (this.#up || !this.#client.connected || this.#down.reason !== undefined) return;
    this.#up = true;
    this.#startChecks();
    this.#subscriptions.up(sessionPresent);
    this.#hooks.up(sessionPresent);
    this.#pump();
  }

  #onError(error: Error & { code?: unknown }): void {
    this.#down.reason ??= error.message || String(error.code);
    this.#down.silent ??= error.message === 'connack timeout';
  }

  #onClose(): void {
    const lastHeardMs = this.#checks?.lastHeardMs ?? performance.now();
    const wasUp = this.#checks !== null;
    this.#checks?.stop();
    if (this.#goodbye) clearTimeout(this.#goodbye);
    this.#goodbye = this.#checks = this.#socket = null;
    this.#up = false;
    this.#subscriptions.down();
    const {
      reason = 'connection closed',
      silent = false,
      reasonCode = null,
      serverReference = null,
    } = this.#down;
    this.#hooks.down({ wasUp, reason, silent, reasonCode, serverReference, lastHeardMs });
  }

  #startChecks(): void {
    const { pingIntervalMs, silenceMsMax, doubt } = this.#options;
    const serverKeepAlive = this.#client.serverProperties?.serverKeepAlive;
    this.#checks = new ConnectionChecks({
      pingIntervalMs: serverKeepAlive ? Math.min(pingIntervalMs, serverKeepAlive * 500) : pingIntervalMs,
      silenceMsMax,
      doubt,
      bytesRead: () => this.#socket?.bytesRead ?? 0,
      ackDue: () => this.#queue.inFlight > 0,
      ping: () => this.#client.sendPing(),
      silent: () => {
        this.#down.silent = true;
        this.abort(`nothing heard for ${silenceMsMax} ms`);
      },
      doubtful: () => this.#hooks.doubtful(),
    });
  }
}
