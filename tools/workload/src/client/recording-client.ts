import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import type { QoS } from '@mqtt-cluster/history-checker';
import type { Recorder } from './recorder.ts';
import { messageOf, payloadOf, willPacket } from './payload.ts';
import type { WillSpec } from './payload.ts';
import { Subscriptions } from './subscriptions.ts';
import { Wire } from './mqtt-connection.ts';
import type { Ending, Server } from './mqtt-connection.ts';

/** Unacknowledged messages of one publisher, less if the server's Receive Maximum says so [MQTT5 3.3.4]. */
export const inFlightMax = 20;
const packetIdMax = 65_535;
const keepaliveSeconds = 10;
/** MQTT 5: the session does not expire. */
const expiryNever = 0xffff_ffff;
const packetIdNotFound = 0x92;

export interface ClientOptions {
  readonly clientId: string;
  readonly version: 4 | 5;
  readonly clean: boolean;
  /** MQTT 5: how long the session outlives a connection, null for ever. MQTT 3.1.1: for ever unless clean. */
  readonly expirySeconds: number | null;
  readonly will: WillSpec | null;
  readonly recorder: Recorder;
  readonly onUp: (sessionPresent: boolean) => void;
  /** The connection, or the attempt, is over; not after `drop` or `disconnect`. */
  readonly onDown: (ending: Ending) => void;
}

export interface Publication {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** A retained message with an empty payload. */
  readonly clear: boolean;
}

interface InFlight {
  readonly message: number;
  readonly publication: Publication;
  /** PUBREC has come: from here on only PUBREL is sent [MQTT-4.3.3-1]. */
  released: boolean;
}

/** An MQTT client that writes down everything it says and hears. Its session's state outlives its connections. */
export class RecordingClient {
  readonly #options: ClientOptions;
  readonly #subscriptions = new Subscriptions();
  /** In the order of their first sending. */
  readonly #inFlight = new Map<number, InFlight>();
  /** QoS 2 packet ids received and not yet released: method A [MQTT5 4.3.3]. */
  readonly #received = new Set<number>();
  /** Filter by packet id, of this connection. */
  readonly #asked = new Map<number, { readonly filter: string; readonly subscribe: boolean }>();
  #wire: Wire | null = null;
  #connection = 0;
  #opened = false;
  #up = false;
  #window = inFlightMax;
  #lastPacketId = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get clientId(): string {
    return this.#options.clientId;
  }

  get up(): boolean {
    return this.#up;
  }

  /** A connection exists or is being made. */
  get busy(): boolean {
    return this.#wire !== null;
  }

  /** Nothing of ours waits for an answer. */
  get idle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Connected, and every subscription acknowledged. */
  get ready(): boolean {
    return this.#up && this.#subscriptions.settled;
  }

  /** Opens a connection; one that is open is dropped first. @param clean instead of what the options say. */
  connect(server: Server, clean: boolean = this.#options.clean): void {
    this.drop();
    const { version } = this.#options;
    const connection = this.#options.recorder.nextConnection();
    this.#connection = connection;
    this.#opened = false;
    this.#wire = new Wire(server, version, () => this.#connectPacket(server, clean), {
      onConnected: (sessionPresent, receiveMaximum) => this.#connected(sessionPresent, receiveMaximum),
      onPacket: (packet) => this.#take(packet),
      onEnded: (ending) => this.#ended(ending),
    });
  }

  #connectPacket(server: Server, clean: boolean): IConnectPacket {
    const { clientId, version, will, recorder } = this.#options;
    const expirySeconds = version === 4 ? (clean ? 0 : null) : this.#options.expirySeconds;
    const message = will === null ? 0 : recorder.nextMessage();
    this.#opened = true;
    recorder.record({
      type: 'connect',
      connection: this.#connection,
      clientId,
      server: server.id,
      version,
      clean,
      expirySeconds,
      will: will === null ? null : { message, ...will },
    });
    return {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId,
      clean,
      keepalive: keepaliveSeconds,
      ...(version === 5 ? { properties: { sessionExpiryInterval: expirySeconds ?? expiryNever } } : {}),
      ...(will === null ? {} : { will: willPacket(will, message, version) }),
    };
  }

  /** @returns the message's id, or null when there is no connection or the window is full. */
  publish(publication: Publication): number | null {
    if (!this.#up || this.#inFlight.size >= this.#window) return null;
    const message = this.#options.recorder.nextMessage();
    if (publication.qos === 0) this.#sendPublish(0, message, publication, false);
    else {
      const packetId = this.#freePacketId();
      this.#inFlight.set(packetId, { message, publication, released: false });
      this.#sendPublish(packetId, message, publication, false);
    }
    return message;
  }

  /** From now on, on this connection and later ones. */
  subscribe(filter: string, qos: QoS): void {
    this.#subscriptions.want(filter, qos);
    if (this.#up) this.#ask(filter, qos);
  }

  unsubscribe(filter: string): void {
    this.#subscriptions.want(filter, null);
    if (this.#up) this.#ask(filter, null);
  }

  /** Ends the connection with a DISCONNECT. */
  disconnect(): void {
    const wire = this.#close('disconnect');
    wire?.disconnect();
  }

  /** Ends the connection without a word. */
  drop(): void {
    const wire = this.#close('dropped');
    wire?.abandon();
  }

  /** Leaves the connection to the server, which can't know that nobody is there any more. */
  vanish(): void {
    const wire = this.#close('lost');
    wire?.vanish();
  }

  #close(how: 'disconnect' | 'dropped' | 'lost'): Wire | null {
    const wire = this.#wire;
    if (wire === null) return null;
    if (this.#opened) this.#options.recorder.record({ type: 'closed', connection: this.#connection, how });
    this.#forgetConnection();
    return wire;
  }

  #forgetConnection(): void {
    this.#wire = null;
    this.#up = false;
    this.#opened = false;
    this.#asked.clear();
  }

  #ended(ending: Ending): void {
    const { recorder, onDown } = this.#options;
    const { how, code } = ending;
    if (this.#opened) {
      const coded = code === undefined ? {} : { code };
      recorder.record({ type: 'closed', connection: this.#connection, how, ...coded });
    }
    this.#forgetConnection();
    onDown(ending);
  }

  #connected(sessionPresent: boolean, receiveMaximum: number): void {
    const { recorder, onUp } = this.#options;
    recorder.record({ type: 'connected', connection: this.#connection, sessionPresent });
    this.#up = true;
    this.#window = Math.min(inFlightMax, receiveMaximum);
    if (!sessionPresent) {
      // Both sides begin anew; what was not acknowledged nobody has promised [MQTT-3.2.2-5].
      this.#inFlight.clear();
      this.#received.clear();
    }
    for (const [packetId, { message, publication, released }] of this.#inFlight) {
      // In the order of the first sending [MQTT-4.4.0-1], [MQTT-4.6.0-1].
      if (released) this.#send({ cmd: 'pubrel', messageId: packetId });
      else this.#sendPublish(packetId, message, publication, true);
    }
    for (const { filter, qos } of this.#subscriptions.toAsk(sessionPresent)) this.#ask(filter, qos);
    onUp(sessionPresent);
  }

  #send(packet: Packet): void {
    this.#wire?.send(packet);
  }

  #sendPublish(packetId: number, message: number, publication: Publication, dup: boolean): void {
    const { topic, qos, retain, clear } = publication;
    this.#options.recorder.record({
      type: 'publish',
      connection: this.#connection,
      message,
      topic,
      qos,
      retain,
      dup,
      clear,
    });
    const payload = clear ? '' : payloadOf(message);
    const identified = qos === 0 ? {} : { messageId: packetId };
    this.#send({ cmd: 'publish', topic, qos, retain, dup, payload, ...identified });
  }

  #ask(filter: string, qos: QoS | null): void {
    const messageId = this.#freePacketId();
    const subscribe = qos !== null;
    this.#asked.set(messageId, { filter, subscribe });
    this.#subscriptions.asked(filter, messageId);
    const type = subscribe ? 'subscribe' : 'unsubscribe';
    this.#options.recorder.record({ type, connection: this.#connection, filter, qos: qos ?? 0 });
    if (qos === null) this.#send({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] });
    else this.#send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos }] });
  }

  #freePacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % packetIdMax) + 1;
    while (this.#inFlight.has(this.#lastPacketId) || this.#asked.has(this.#lastPacketId));
    return this.#lastPacketId;
  }

  #take(packet: Packet): void {
    const packetId = packet.messageId ?? 0;
    switch (packet.cmd) {
      case 'publish':
        return this.#receive(packet);
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
      recorder.record({ type: 'acked', connection: this.#connection, message: waiting.message, code });
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
    recorder.record({ type: 'completed', connection: this.#connection, message: waiting.message, ...coded });
  }

  #answered(packetId: number, code: number): void {
    const asked = this.#asked.get(packetId);
    if (asked === undefined) return;
    const { filter, subscribe } = asked;
    this.#asked.delete(packetId);
    this.#subscriptions.answered(filter, packetId);
    const type = subscribe ? 'subscribed' : 'unsubscribed';
    this.#options.recorder.record({ type, connection: this.#connection, filter, code });
  }

  #receive(packet: IPublishPacket): void {
    const messageId = packet.messageId ?? 0;
    // A repeat of an id that has not been released is the same message [MQTT-4.3.3-2].
    if (packet.qos < 2 || !this.#received.has(messageId)) {
      const { topic, qos, retain, dup, payload } = packet;
      const message = messageOf(payload);
      const connection = this.#connection;
      this.#options.recorder.record({ type: 'delivery', connection, message, topic, qos, retain, dup });
    }
    if (packet.qos === 1) this.#send({ cmd: 'puback', messageId });
    if (packet.qos === 2) {
      this.#received.add(messageId);
      this.#send({ cmd: 'pubrec', messageId });
    }
  }

  #release(messageId: number): void {
    const known = this.#received.delete(messageId);
    const unknown = !known && this.#options.version === 5 ? { reasonCode: packetIdNotFound } : {};
    this.#send({ cmd: 'pubcomp', messageId, ...unknown });
  }
}
