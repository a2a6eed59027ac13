import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { IConnackPacket, Packet } from 'mqtt-packet';
import { LocalSession } from '../local/local-session.ts';
import { incomingClient, outgoingClient, remoteClient } from '../names.ts';
import { connectPacket } from '../remote/connect-packet.ts';
import { readCredentials } from '../remote/credential-files.ts';
import { Presence } from '../remote/presence.ts';
import { limitsOf } from '../remote/remote-limits.ts';
import { RemoteConnection } from '../remote/remote-connection.ts';
import { Incoming } from './incoming.ts';
import { KeptAside } from './kept-aside.ts';
import { after } from './back-off.ts';
import type { RemoteEnd } from './fruitless-connections.ts';
import { KnownRemote } from './known-remote.ts';
import { LinkFaults } from './link-faults.ts';
import type { LinkOptions, LinkPhase, RunningLink, StopOptions } from './link-options.ts';
import { updateLocalSubscriptions } from './local-subscriptions.ts';
import { Outgoing } from './outgoing.ts';
import { reconnectDelayMsMin } from './reconnect-delay.ts';
import { Reconnection } from './reconnection.ts';
import { RemoteSubscriptions } from './remote-subscriptions.ts';

/** Unacknowledged messages of the member to the link. It is the most that a member sends. */
const localReceiveMaximum = 100;
/** Unacknowledged messages of the other broker to the link: not above the QoS 2 packet ids of a session (`incomingMax`). */
const remoteReceiveMaximum = 100;
/** The other broker keeps the session for this time without a connection, seconds: 30 days. */
const remoteSessionSeconds = 30 * 86_400;

/**
 * One link at the member that runs it. The link holds two sessions of the cluster: one receives the messages for the other
 * broker, the other one publishes those of the other broker. When the member closes one of them, because another member has
 * opened it or this member is isolated, the connection to the other broker ends and no other one begins.
 */
export class Link implements RunningLink {
  readonly #options: LinkOptions;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #remoteSubscriptions: RemoteSubscriptions;
  readonly #known: KnownRemote;
  readonly #presence: Presence;
  readonly #reconnection: Reconnection;
  readonly #faults: LinkFaults;
  #out: LocalSession | null = null;
  #in: LocalSession | null = null;
  #remote: RemoteConnection | null = null;
  /** True when the sessions of the cluster are closed. */
  #isEnded = false;
  /** True when no further connection to the other broker may begin. */
  #isStopped = false;
  #phase: LinkPhase = 'opening';
  #wasConnected = false;
  /** True while a short connection deletes the session at the other broker. */
  #discards = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { definition, counters, now, mark, name, packetBytesMax, member, logger } = options;
    this.#reconnection = new Reconnection(definition.addresses, now);
    this.#faults = new LinkFaults(options);
    const send = (packet: Packet): void => this.#remote?.send(packet);
    const onFault = (text: string): void => this.#faults.report(text);
    this.#outgoing = new Outgoing({
      definition,
      mark,
      echoOf: incomingClient(name),
      counters,
      aside: new KeptAside({
        link: name,
        definition,
        counters,
        publish: (copy, onAnswer) => this.#out?.publish(copy, onAnswer),
        onFault,
        after,
      }),
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
      retained: (topic) => member.view().retained(topic)?.message.payload,
      send,
      onFault,
      onRefused: (text) => this.#closeRemote(text),
      now,
      after,
    });
    this.#remoteSubscriptions = new RemoteSubscriptions({ name, definition, send, logger });
    this.#known = new KnownRemote(name, definition);
    this.#presence = new Presence({ definition, mark, send, after });
  }

  get phase(): LinkPhase {
    return this.#phase;
  }

  /** Why the link does not do all of its work, in one sentence, or null. */
  get error(): string | null {
    return this.#faults.error ?? this.#faults.localRefusal ?? this.#remoteSubscriptions.fault;
  }

  get address(): string | null {
    return this.#phase === 'connected' ? this.#reconnection.url : null;
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
        onSubscriptionRefused: (filter, code) => this.#faults.onLocalRefusal(filter, code),
        onMarkRefused: (code) => this.#faults.onMarkRefusal(code),
        onDeliver: (effect) => this.#outgoing.onDeliver(effect),
        onPubrel: (packetId) => this.#outgoing.onPubrel(packetId),
      },
    });
  }

  stop({ keepsSession = false, endsPresence = false }: StopOptions = {}): void {
    if (endsPresence) this.#leave();
    this.#isStopped = true;
    this.#endRemote('other');
    if (keepsSession) return;
    this.#isEnded = true;
    this.#out?.close();
    this.#in?.close();
  }

  /** Ends the link after its removal: deletes its sessions at both ends. */
  remove(): void {
    this.#leave({ endsSession: true });
    this.#isStopped = true;
    this.#endRemote('other');
    this.#isEnded = true;
    this.#out?.close({ endsSession: true });
    this.#in?.close({ endsSession: true });
  }

  // ---- the sessions of the cluster ----

  #onOutOpen(): void {
    const { name, member, definition } = this.#options;
    const { rules } = definition;
    updateLocalSubscriptions(this.#out!, rules);
    this.#known.update(this.#out!);
    // Without incoming rules, the session still names the subscriptions of former rules, which have to end.
    const reads = rules.some(({ direction }) => direction === 'in');
    if (reads || member.view().session(incomingClient(name)) !== undefined) this.#openIn(false);
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
        onOpen: () => (clean ? this.#remoteSubscriptions.subscribe(this.#in) : this.#connect()),
        onClosed: (reason) => this.#onLocalClosed(reason),
        onSubscriptionRefused: (filter, code) => this.#faults.onLocalRefusal(filter, code),
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

  #connect(): void {
    if (this.#isStopped) return;
    this.#phase = 'connecting';
    // A member that no longer runs the link must not connect: it would end the connection of the next runner.
    this.#out?.confirm(() => this.#readAndOpen());
  }

  #readAndOpen(): void {
    const { definition, directory } = this.#options;
    readCredentials(definition, directory).then(
      ({ password, tls }) => this.#open(tls, password),
      (error: Error) => this.#onRemoteClosed(error.message, 'other'),
    );
  }

  #open(tls: ConstructorParameters<typeof RemoteConnection>[0]['tls'], password: Buffer | undefined): void {
    // The link may have been stopped while it read the files.
    if (this.#isStopped || this.#remote !== null || this.#out?.isOpen !== true) return;
    const { name, definition } = this.#options;
    const { keepAliveSeconds, packetBytesMax } = definition;
    this.#discards = !this.#known.isKnown(this.#out);
    try {
      this.#remote = new RemoteConnection({
        url: this.#reconnection.url,
        tls,
        connect: connectPacket({
          clientId: remoteClient(name, definition),
          definition,
          password,
          sessionSeconds: this.#discards ? 0 : remoteSessionSeconds,
          will: this.#discards ? undefined : this.#presence.will(),
          receiveMaximum: remoteReceiveMaximum,
        }),
        keepAliveMs: keepAliveSeconds * 1_000,
        packetBytesMax,
        onConnected: (connack) => this.#onConnected(connack),
        onPacket: (packet) => this.#onPacket(packet),
        onSkipped: (publish) => this.#incoming.onSkipped(publish),
        onClosed: (reason, end) => this.#onRemoteClosed(reason, end),
      });
    } catch (error) {
      this.#onRemoteClosed((error as Error).message, 'other');
    }
  }

  #onConnected(connack: IConnackPacket): void {
    const remote = this.#remote!;
    if (this.#discards) {
      this.#remote = null;
      remote.end();
      // Without the mark, the next connection would delete the session again.
      if (this.#out === null) return;
      return this.#known.write(this.#out, () => this.#reconnectAfter(reconnectDelayMsMin));
    }
    // Another member may have completed exchanges that this one would send again.
    this.#out?.confirm(() => {
      if (this.#remote === remote) this.#begin(connack);
    });
  }

  /** Begins to send: this member runs the link, and it is connected to the other broker. */
  #begin(connack: IConnackPacket): void {
    const { counters, name, logger } = this.#options;
    if (this.#wasConnected) counters.reconnects++;
    this.#wasConnected = true;
    this.#reconnection.onConnected();
    this.#phase = 'connected';
    this.#faults.onConnected();
    this.#remoteSubscriptions.onConnected();
    const { sessionPresent } = connack;
    logger.info(
      { link: name, address: this.#reconnection.url, sessionPresent },
      'link connected to the other broker',
    );
    this.#presence.onConnected();
    this.#outgoing.onConnected(limitsOf(connack));
    if (this.#in === null) return;
    // A new session at the other broker gives packet ids anew: those of the former one must not hide its messages.
    if (sessionPresent) this.#remoteSubscriptions.subscribe(this.#in);
    else this.#openIn(true);
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
        return this.#remoteSubscriptions.onSuback(packet);
      case 'unsuback':
        return this.#remoteSubscriptions.onUnsuback(packet, this.#in);
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
    this.#faults.report(`${this.#reconnection.url}: ${reason}`);
    this.#reconnectAfter(this.#reconnection.onClosed());
  }

  #reconnectAfter(delayMs: number): void {
    this.#phase = 'connecting';
    if (this.#isStopped) return;
    this.#reconnection.connectAfter(delayMs, () => this.#connect());
  }

  /** Ends the connection of a link that does not continue with this definition. */
  #leave({ endsSession = false }: { readonly endsSession?: boolean } = {}): void {
    if (this.#phase !== 'connected') return;
    this.#presence.onLeave();
    this.#remote?.end({ endsSession, deletesWill: true });
    this.#remote = null;
  }

  #endRemote(end: RemoteEnd): void {
    this.#reconnection.cancel();
    this.#presence.onDisconnected();
    this.#remoteSubscriptions.onDisconnected();
    this.#remote?.end();
    this.#remote = null;
    this.#outgoing.onDisconnected(end);
    this.#incoming.onDisconnected();
    if (this.#phase === 'connected') this.#phase = 'connecting';
  }
}
