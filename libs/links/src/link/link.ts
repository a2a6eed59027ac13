import { RateLimitedLog } from '@mqtt-cluster/contracts';
import type { LinkDefinition, Logger, QoS, RefusalReason, Subscription } from '@mqtt-cluster/contracts';
import type { IConnackPacket, IConnectPacket, ISubackPacket, Packet } from 'mqtt-packet';
import { LocalSession } from '../local/local-session.ts';
import {
  freshRemoteMark,
  incomingClient,
  isMark,
  markedRemoteFilter,
  outgoingClient,
  remoteClient,
  remoteFilterMark,
} from '../names.ts';
import { readCredentials } from '../remote/credential-files.ts';
import { RemoteConnection } from '../remote/remote-connection.ts';
import { localFilter, remoteFilter } from '../topics/topic-map.ts';
import type { LinkCounters, LocalMember } from '../types.ts';
import { Incoming } from './incoming.ts';
import type { After } from './back-off.ts';
import type { RemoteEnd } from './fruitless-connections.ts';
import { Outgoing } from './outgoing.ts';

/** Delay of the first reconnect, and of the later ones, ms. A random fifth is added. */
const reconnectDelayMsMin = 200;
const reconnectDelayMsMax = 10_000;
/** A connection of this duration counts as stable: the next reconnect is quick again. */
const stableMs = 10_000;
/** Unacknowledged messages of the member to the link. It is the most that a member sends. */
const localReceiveMaximum = 100;
/** Unacknowledged messages of the other broker to the link: not above the QoS 2 packet ids of a session (`incomingMax`). */
const remoteReceiveMaximum = 100;
/** The other broker keeps the session for this time without a connection, seconds: 30 days. */
const remoteSessionSeconds = 30 * 86_400;
/** Time between two log lines of the same subject, ms. */
const logIntervalMs = 30_000;
const failureCodeMin = 0x80;

/** What the link does at the member that runs it. */
export type LinkPhase = 'opening' | 'connecting' | 'connected';

export interface LinkOptions {
  readonly name: string;
  readonly definition: LinkDefinition;
  readonly member: LocalMember;
  readonly directory: string;
  readonly packetBytesMax: number;
  /** Name of this cluster's link in the messages that pass it. */
  readonly mark: string;
  readonly counters: LinkCounters;
  readonly logger: Logger;
  readonly now: () => number;
  /** The session of the link has ended here: another member runs the link, or this member serves no clients. */
  readonly onEnded: (reason: RefusalReason) => void;
}

/**
 * One link at the member that runs it. The link holds two sessions of the cluster: one receives the messages for the other
 * broker, the other one publishes those of the other broker. When the member closes one of them, because another member has
 * opened it or this member is isolated, the connection to the other broker ends and no other one begins.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #log: RateLimitedLog;
  #out: LocalSession | null = null;
  #in: LocalSession | null = null;
  #remote: RemoteConnection | null = null;
  #reconnectTimer: NodeJS.Timeout | null = null;
  /** True when the sessions of the cluster are closed. */
  #isEnded = false;
  /** True when no further connection to the other broker may begin. */
  #isStopped = false;
  #phase: LinkPhase = 'opening';
  #address = 0;
  #delayMs = reconnectDelayMsMin;
  /** 0 without a connection. */
  #connectedAtMs = 0;
  #wasConnected = false;
  #error: string | null = null;
  /** True while a short connection deletes the session at the other broker. */
  #discards = false;
  #lastPacketId = 0;
  /** Filters of the SUBSCRIBE packets without SUBACK. */
  readonly #subscribing = new Map<number, readonly string[]>();
  /** Filters that the other broker refuses, with the reason. */
  readonly #refusedFilters = new Map<string, string>();

  constructor(options: LinkOptions) {
    this.#options = options;
    const { definition, counters, now, mark, name, packetBytesMax } = options;
    this.#log = new RateLimitedLog(options.logger, now, { intervalMs: logIntervalMs, linesMax: 20 });
    const send = (packet: Packet): void => this.#remote?.send(packet);
    const onFault = (text: string): void => this.#report(text);
    this.#outgoing = new Outgoing({
      definition,
      mark,
      echoOf: incomingClient(name),
      counters,
      acknowledge: (input) => this.#out?.input(input),
      send,
      isSlow: () => this.#remote?.isSlow ?? false,
      onFault,
      now,
      after,
    });
    this.#incoming = new Incoming({
      definition,
      mark,
      packetBytesMax,
      counters,
      input: (input) => this.#in?.input(input),
      send,
      onFault,
      onRefused: (text) => this.#closeRemote(text),
      after,
    });
  }

  get phase(): LinkPhase {
    return this.#phase;
  }

  /** Why the link does not do all of its work, in one sentence, or null. */
  get error(): string | null {
    const refused = [...this.#refusedFilters][0];
    if (this.#error !== null || refused === undefined) return this.#error;
    return `the other broker refuses the subscription to ${refused[0]}: ${refused[1]}`;
  }

  get address(): string | null {
    return this.#phase === 'connected' ? this.#url : null;
  }

  get lagMs(): number {
    return this.#outgoing.lagMs;
  }

  start(): void {
    const { name, member } = this.#options;
    this.#out = new LocalSession({
      member,
      client: outgoingClient(name),
      owner: outgoingClient(name),
      receiveMaximum: localReceiveMaximum,
      handlers: {
        onOpen: () => this.#onOutOpen(),
        onClosed: (reason) => this.#onLocalClosed(reason),
        onDeliver: (effect) => this.#outgoing.onDeliver(effect),
        onPubrel: (packetId) => this.#outgoing.onPubrel(packetId),
      },
    });
  }

  /**
   * Ends the connection to the other broker.
   * @param keepsSession leaves the session open, so that the next runner takes it over and its queue has the bounds of a
   *   connected session until then
   */
  stop({ keepsSession = false }: { readonly keepsSession?: boolean } = {}): void {
    this.#isStopped = true;
    this.#endRemote('other');
    if (keepsSession) return;
    this.#isEnded = true;
    this.#out?.close();
    this.#in?.close();
  }

  /** Ends the link after its removal: deletes its sessions at both ends. */
  remove(): void {
    const remote = this.#remote;
    if (this.#phase === 'connected' && remote !== null) {
      this.#remote = null;
      remote.end({ endsSession: true });
    }
    this.#isStopped = true;
    this.#endRemote('other');
    this.#isEnded = true;
    this.#out?.close({ endsSession: true });
    this.#in?.close({ endsSession: true });
  }

  // ---- the sessions of the cluster ----

  #onOutOpen(): void {
    const { rules } = this.#options.definition;
    const wanted = new Map<string, Subscription>();
    for (const rule of rules) {
      if (rule.direction !== 'out') continue;
      const filter = localFilter(rule);
      const isLive = rule.retained === 'live';
      const former = wanted.get(filter);
      wanted.set(filter, {
        filter,
        qos: Math.max(rule.qosMax, former?.qos ?? 0) as QoS,
        noLocal: true,
        retainAsPublished: isLive || former?.retainAsPublished === true,
        // Messages that were retained before the rule are sent once, when the subscription is new.
        retainHandling: isLive || former?.retainHandling === 1 ? 1 : 2,
      });
    }
    const session = this.#out!;
    const known = session.detail?.subscriptionList ?? [];
    session.unsubscribe(
      known.map(({ filter }) => filter).filter((filter) => !wanted.has(filter) && !isMark(filter)),
    );
    session.subscribe([...wanted.values()].filter((each) => !known.some((other) => isSame(each, other))));
    if (rules.some(({ direction }) => direction === 'in')) this.#openIn(false);
    else this.#connect();
  }

  /** @param clean begins with an empty session, because the other broker has begun its own anew */
  #openIn(clean: boolean): void {
    const { name, member } = this.#options;
    this.#in?.close({ endsSession: clean });
    this.#in = new LocalSession({
      member,
      client: incomingClient(name),
      owner: outgoingClient(name),
      receiveMaximum: 1,
      clean,
      handlers: {
        onOpen: () => (clean ? this.#subscribeRemote() : this.#connect()),
        onClosed: (reason) => this.#onLocalClosed(reason),
        onAnswer: (effect) => this.#incoming.onAnswer(effect),
      },
    });
  }

  #onLocalClosed(reason: RefusalReason): void {
    if (this.#isEnded) return;
    this.stop();
    this.#options.onEnded(reason);
  }

  // ---- the connection to the other broker ----

  get #url(): string {
    const { addresses } = this.#options.definition;
    return addresses[this.#address % addresses.length]!;
  }

  #connect(): void {
    if (this.#isStopped) return;
    this.#phase = 'connecting';
    const { definition, directory } = this.#options;
    readCredentials(definition, directory).then(
      ({ password, tls }) => this.#open(tls, password),
      (error: Error) => this.#onRemoteClosed(error.message, 'other'),
    );
  }

  #open(tls: ConstructorParameters<typeof RemoteConnection>[0]['tls'], password: Buffer | undefined): void {
    // The link may have been stopped while it read the files.
    if (this.#isStopped || this.#remote !== null || this.#out?.isOpen !== true) return;
    const { keepAliveSeconds, packetBytesMax } = this.#options.definition;
    // The session at the other broker may be older than the one of the link, with packet ids that mean something else.
    const known = this.#out.detail?.subscriptionList ?? [];
    this.#discards = !known.some(({ filter }) => filter === freshRemoteMark);
    try {
      this.#remote = new RemoteConnection({
        url: this.#url,
        tls,
        connect: this.#connectPacket(password),
        keepAliveMs: keepAliveSeconds * 1_000,
        packetBytesMax,
        onConnected: (connack) => this.#onConnected(connack),
        onPacket: (packet) => this.#onPacket(packet),
        onClosed: (reason, end) => this.#onRemoteClosed(reason, end),
      });
    } catch (error) {
      this.#onRemoteClosed((error as Error).message, 'other');
    }
  }

  #connectPacket(password: Buffer | undefined): IConnectPacket {
    const { name, definition } = this.#options;
    const { protocol, bridge, keepAliveSeconds, username, packetBytesMax } = definition;
    const is5 = protocol === '5.0';
    const packet: IConnectPacket & { bridgeMode?: boolean } = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: is5 ? 5 : 4,
      clientId: remoteClient(name, definition),
      clean: this.#discards,
      keepalive: keepAliveSeconds,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(!is5 && bridge && { bridgeMode: true }),
      ...(is5 && {
        properties: {
          sessionExpiryInterval: this.#discards ? 0 : remoteSessionSeconds,
          receiveMaximum: remoteReceiveMaximum,
          maximumPacketSize: packetBytesMax,
        },
      }),
    };
    return packet;
  }

  #onConnected(connack: IConnackPacket): void {
    const remote = this.#remote!;
    if (this.#discards) {
      this.#remote = null;
      remote.end();
      this.#out?.subscribe([{ filter: freshRemoteMark, qos: 0, retainHandling: 2 }]);
      // The mark is applied before the next connection asks for it, or the discard is repeated.
      return this.#reconnectAfter(reconnectDelayMsMin);
    }
    const { definition, counters } = this.#options;
    if (this.#wasConnected) counters.reconnects++;
    this.#wasConnected = true;
    this.#connectedAtMs = this.#options.now();
    this.#phase = 'connected';
    this.#error = null;
    this.#refusedFilters.clear();
    this.#options.logger.info(
      { link: this.#options.name, address: this.#url, sessionPresent: connack.sessionPresent },
      'link connected to the other broker',
    );
    const {
      receiveMaximum = 65_535,
      maximumQoS = 2,
      maximumPacketSize = Infinity,
      retainAvailable = true,
    } = connack.properties ?? {};
    this.#outgoing.onConnected({
      sessionPresent: connack.sessionPresent,
      receiveMaximum,
      qosMax: maximumQoS as QoS,
      packetBytesMax: maximumPacketSize,
      retains: retainAvailable !== false,
    });
    if (!definition.rules.some(({ direction }) => direction === 'in')) return;
    // A new session at the other broker gives packet ids anew: those of the former one must not hide its messages.
    if (connack.sessionPresent) this.#subscribeRemote();
    else this.#openIn(true);
  }

  /** Subscribes at the other broker, and ends the subscriptions of former rules. */
  #subscribeRemote(): void {
    const { definition } = this.#options;
    const wanted = new Map<string, { qos: QoS; isLive: boolean }>();
    for (const rule of definition.rules) {
      if (rule.direction !== 'in') continue;
      const filter = remoteFilter(rule);
      const former = wanted.get(filter);
      wanted.set(filter, {
        qos: Math.max(rule.qosMax, former?.qos ?? 0) as QoS,
        isLive: rule.retained === 'live' || former?.isLive === true,
      });
    }
    const marks = this.#in?.detail?.subscriptionList ?? [];
    const former = marks.map(({ filter }) => markedRemoteFilter(filter)).filter((filter) => filter !== null);
    const ended = former.filter((filter) => !wanted.has(filter));
    if (ended.length > 0) {
      this.#remote?.send({ cmd: 'unsubscribe', messageId: this.#packetId(), unsubscriptions: ended });
      this.#in?.unsubscribe(ended.map(remoteFilterMark));
    }
    for (const [filter, { qos, isLive }] of wanted) {
      const messageId = this.#packetId();
      this.#subscribing.set(messageId, [filter]);
      const options = { nl: true, rap: isLive, rh: isLive ? 1 : 2 };
      this.#remote?.send({
        cmd: 'subscribe',
        messageId,
        subscriptions: [{ topic: filter, qos, ...(definition.protocol === '5.0' && options) }],
      });
    }
    this.#in?.subscribe(
      [...wanted.keys()].map((filter) => ({ filter: remoteFilterMark(filter), qos: 0, retainHandling: 2 })),
    );
  }

  #onSuback({ messageId = 0, granted }: ISubackPacket): void {
    const filters = this.#subscribing.get(messageId) ?? [];
    this.#subscribing.delete(messageId);
    for (const [position, filter] of filters.entries()) {
      const code = Number(granted[position] ?? failureCodeMin);
      if (code < failureCodeMin) continue;
      this.#refusedFilters.set(
        filter,
        code === failureCodeMin ? 'it gives no reason' : `reason code 0x${code.toString(16)}`,
      );
      this.#options.logger.warn(
        { link: this.#options.name, filter, code },
        `link receives nothing for ${filter}: the other broker refuses the subscription`,
      );
    }
  }

  #onPacket(packet: Packet): void {
    const { messageId = 0 } = packet;
    switch (packet.cmd) {
      case 'publish':
        return this.#incoming.onPublish(packet);
      case 'pubrel':
        return this.#incoming.onPubrel(messageId);
      case 'puback':
        return this.#outgoing.onPuback(messageId, packet.reasonCode);
      case 'pubrec':
        return this.#outgoing.onPubrec(messageId, packet.reasonCode);
      case 'pubcomp':
        return this.#outgoing.onPubcomp(messageId);
      case 'suback':
        return this.#onSuback(packet);
    }
  }

  /** Ends a connection for a reason of this side, and connects again later. */
  #closeRemote(reason: string): void {
    if (this.#remote === null) return;
    this.#onRemoteClosed(reason, 'other');
  }

  #onRemoteClosed(reason: string, end: RemoteEnd): void {
    this.#endRemote(end);
    if (this.#isStopped || this.#out?.isOpen !== true) return;
    this.#report(`${this.#url}: ${reason}`);
    this.#address++;
    const wasStable = this.#connectedAtMs > 0 && this.#options.now() - this.#connectedAtMs >= stableMs;
    if (wasStable) this.#delayMs = reconnectDelayMsMin;
    this.#connectedAtMs = 0;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(reconnectDelayMsMax, this.#delayMs * 2);
    this.#reconnectAfter(delayMs);
  }

  #reconnectAfter(delayMs: number): void {
    this.#phase = 'connecting';
    if (this.#isStopped) return;
    this.#reconnectTimer = setTimeout(() => this.#connect(), delayMs * (1 + Math.random() / 5));
  }

  #endRemote(end: RemoteEnd): void {
    if (this.#reconnectTimer !== null) clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = null;
    this.#subscribing.clear();
    this.#remote?.end();
    this.#remote = null;
    this.#outgoing.onDisconnected(end);
    this.#incoming.onDisconnected();
    if (this.#phase === 'connected') this.#phase = 'connecting';
  }

  #report(text: string): void {
    this.#error = text;
    const { name } = this.#options;
    this.#log.warn(text, { link: name }, `link ${name}: ${text}`);
  }

  #packetId(): number {
    this.#lastPacketId = (this.#lastPacketId % 65_535) + 1;
    return this.#lastPacketId;
  }
}

const after: After = (delayMs, run) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};

function isSame(wanted: Subscription, known: Subscription): boolean {
  return (
    wanted.filter === known.filter &&
    wanted.qos === known.qos &&
    wanted.retainAsPublished === (known.retainAsPublished ?? false) &&
    (known.noLocal ?? false)
  );
}
