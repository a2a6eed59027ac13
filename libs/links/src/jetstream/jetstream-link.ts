import { createHash, randomBytes } from 'node:crypto';
import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { StreamInfo } from '@nats-io/jetstream';
import { after } from '../link/back-off.ts';
import { forgetRemote } from '../link/known-remote.ts';
import { KeptAside } from '../link/kept-aside.ts';
import { LinkFaults } from '../link/link-faults.ts';
import type { LinkOptions, LinkPhase, RunningLink, StopOptions } from '../link/link-options.ts';
import { updateLocalSubscriptions } from '../link/local-subscriptions.ts';
import { Reconnection } from '../link/reconnection.ts';
import { LocalSession } from '../local/local-session.ts';
import {
  appliedMark,
  incomingClient,
  markedApplied,
  markedNumbers,
  numberMark,
  outgoingClient,
} from '../names.ts';
import { readCredentials } from '../remote/credential-files.ts';
import type { AppliedMark } from './applied-mark.ts';
import { JetstreamIncoming } from './incoming.ts';
import { openNats } from './nats-connection.ts';
import type { JetstreamConnection } from './nats-connection.ts';
import { JetstreamOutgoing } from './outgoing.ts';
import { ensureStream } from './stream.ts';
import { StreamReader } from './stream-reader.ts';
import { NatsStreamWriter } from './stream-writer.ts';

/** Unacknowledged messages of the member to the link. It is the most that a member sends. */
const localReceiveMaximum = 100;

/**
 * One link to a stream of NATS JetStream at the member that runs it. As a link to an MQTT broker, it holds two sessions of
 * the cluster, and it ends with them.
 */
export class JetstreamLink implements RunningLink {
  readonly #options: LinkOptions;
  readonly #reconnection: Reconnection;
  readonly #faults: LinkFaults;
  #out: LocalSession | null = null;
  #in: LocalSession | null = null;
  #outgoing: JetstreamOutgoing | null = null;
  #incoming: JetstreamIncoming | null = null;
  #connection: JetstreamConnection | null = null;
  /** The stream as of the last connection. */
  #stream: StreamInfo | null = null;
  #reader: StreamReader | null = null;
  /** True when the sessions of the cluster are closed. */
  #isEnded = false;
  /** True when no further connection to the server may begin. */
  #isStopped = false;
  #phase: LinkPhase = 'opening';
  #wasConnected = false;
  /** Why the cluster accepts no messages of the stream, in one sentence. */
  #fullCause: string | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#reconnection = new Reconnection(options.definition.addresses, options.now);
    this.#faults = new LinkFaults(options);
  }

  get phase(): LinkPhase {
    return this.#phase;
  }

  get error(): string | null {
    return this.#faults.error ?? this.#fullCause ?? this.#faults.localRefusal;
  }

  get address(): string | null {
    return this.#phase === 'connected' ? this.#reconnection.url : null;
  }

  get lagMs(): number {
    return this.#outgoing?.lagMs ?? 0;
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
        onDeliver: (effect) => this.#outgoing?.onDeliver(effect),
        onPubrel: (packetId) => this.#outgoing?.onPubrel(packetId),
      },
    });
  }

  stop({ keepsSession = false }: StopOptions = {}): void {
    this.#isStopped = true;
    this.#endConnection();
    if (!keepsSession) this.#closeSessions(false);
  }

  remove(): void {
    this.#isStopped = true;
    this.#endConnection();
    this.#closeSessions(true);
  }

  // ---- the sessions of the cluster ----

  #closeSessions(endsSession: boolean): void {
    this.#isEnded = true;
    this.#out?.close({ endsSession });
    this.#in?.close({ endsSession });
  }

  get #reads(): boolean {
    return this.#options.definition.rules.some(({ direction }) => direction === 'in');
  }

  #onOutOpen(): void {
    const { definition, mark, name, counters, now } = this.#options;
    const out = this.#out!;
    this.#outgoing = new JetstreamOutgoing(
      {
        definition,
        mark,
        echoOf: incomingClient(name),
        counters,
        aside: new KeptAside({
          link: name,
          definition,
          counters,
          publish: (copy, onAnswer) => out.publish(copy, onAnswer),
          onFault: (text) => this.#faults.report(text),
          after,
        }),
        acknowledge: (input) => out.input(input),
        writeMark: (next, former, onMarked) =>
          out.mark(numberMark(next), former === null ? [] : [numberMark(former)], onMarked),
        newStart: randomBytes(8).toString('hex'),
        queuedSinceMs: this.#options.queuedSinceMs,
        onFault: (text) => this.#faults.report(text),
        onConnectionFault: (text) => this.#onConnectionClosed(text),
        onUnnumbered: () => this.#onLocalClosed('isolated'),
        now,
        after,
      },
      markedNumbers(filtersOf(out)),
    );
    // QoS 1 is enough for an exchange inside the process: the stream drops repetitions.
    updateLocalSubscriptions(out, definition.rules, 1);
    forgetRemote(out);
    if (this.#reads) this.#openIn(null);
    else this.#connect();
  }

  /** @param begin the mark of an empty session; null: continues the session as it is */
  #openIn(begin: AppliedMark | null): void {
    const { name, member } = this.#options;
    const clean = begin !== null;
    this.#in?.close({ endsSession: clean });
    this.#incoming = null;
    this.#in = new LocalSession({
      member,
      client: incomingClient(name),
      owner: outgoingClient(name),
      receiveMaximum: 1,
      clean,
      handlers: {
        onOpen: () => {
          if (begin === null) this.#connect();
          else this.#in?.mark(appliedMark(begin), [], () => this.#read(begin));
        },
        onClosed: (reason) => this.#onLocalClosed(reason),
        onSubscriptionRefused: (filter, code) => this.#faults.onLocalRefusal(filter, code),
        onMarkRefused: (code) => this.#faults.onMarkRefusal(code),
        onAnswer: (effect) => this.#incoming?.onAnswer(effect),
      },
    });
  }

  #onLocalClosed(reason: RefusalReason): void {
    if (this.#isEnded) return;
    this.stop();
    this.#options.onEnded(reason);
  }

  // ---- the connection to the server ----

  #connect(): void {
    if (this.#isStopped) return;
    this.#phase = 'connecting';
    // A member that no longer runs the link must not connect.
    this.#out?.confirm(() => {
      this.#open().catch((error: Error) => this.#onConnectionClosed(error.message));
    });
  }

  async #open(): Promise<void> {
    const { name, definition, directory } = this.#options;
    const credentials = await readCredentials(definition, directory);
    if (this.#isStopped || this.#connection !== null) return;
    const connection = await openNats({
      url: this.#reconnection.url,
      name: `mqtt-cluster-${name}`,
      definition,
      credentials,
    });
    // The link may have been stopped meanwhile.
    if (this.#isStopped || this.#connection !== null || this.#out?.isOpen !== true)
      return void connection.nats.close();
    this.#connection = connection;
    void connection.nats.closed().then((error) => {
      if (this.#connection === connection)
        this.#onConnectionClosed(error instanceof Error ? error.message : 'the server closed the connection');
    });
    const stream = await ensureStream(connection.manager, definition);
    // Another member may have taken the link over.
    this.#out.confirm(() => {
      if (this.#connection === connection) this.#begin(connection, stream);
    });
  }

  /** Begins to pass messages: this member runs the link, and it is connected to the stream. */
  #begin(connection: JetstreamConnection, stream: StreamInfo): void {
    const { definition, counters, name, logger } = this.#options;
    if (this.#wasConnected) counters.reconnects++;
    else this.#warnOfLateSyncs();
    this.#wasConnected = true;
    this.#reconnection.onConnected();
    this.#phase = 'connected';
    this.#faults.onConnected();
    logger.info(
      { link: name, address: this.#reconnection.url, stream: stream.config.name },
      'link connected to the stream',
    );
    this.#outgoing?.onConnected(new NatsStreamWriter(connection, stream, definition.packetBytesMax));
    this.#stream = stream;
    if (this.#reads) this.#beginToRead(stream);
  }

  #warnOfLateSyncs(): void {
    const { definition, logger, name } = this.#options;
    if (definition.jetstream?.syncsAlways === true) return;
    logger.warn(
      { link: name, stream: definition.jetstream?.stream },
      'nats-server acknowledges messages before they are on the disk: a host that loses power may lose them. ' +
        'Set sync_interval: always at the servers (2.10 or newer), and then syncsAlways of the link',
    );
  }

  #beginToRead(stream: StreamInfo): void {
    const { definition } = this.#options;
    const { first_seq: first, last_seq: last } = stream.state;
    const id = stream.created.toString().replaceAll(/\D/g, '');
    const rules = rulesId(definition.rules);
    const marks = markedApplied(filtersOf(this.#in));
    const known = marks.filter(({ stream: each }) => each === id).toSorted((a, b) => a.sequence - b.sequence);
    const mark = known.at(-1);
    if (this.#incoming?.stream === id && last >= this.#incoming.nextSequence - 1) {
      if (first > this.#incoming.nextSequence) this.#onGap(first - this.#incoming.nextSequence);
      return this.#read(null);
    }
    if (mark !== undefined && last >= mark.sequence) {
      if (first > mark.sequence + 1) this.#onGap(first - mark.sequence - 1);
      return mark.rules === rules ? this.#read(mark) : this.#openIn({ ...mark, rules, packetIds: [] });
    }
    if (mark !== undefined)
      this.#faults.report(
        `the stream has lost messages: the link had read it up to ${mark.sequence}, and it ends at ${last}; messages since then may be missing`,
      );
    const isNew = marks.length === 0 && definition.jetstream?.start !== 'all';
    const sequence = isNew || mark !== undefined ? last : first - 1;
    this.#openIn({ stream: id, rules, sequence: Math.max(0, sequence), packetIds: [] });
  }

  #onGap(messages: number): void {
    this.#options.counters.dropped.lost += messages;
    this.#faults.report(`the stream has deleted ${messages} messages before the link read them`);
  }

  /** @param mark where to begin; null: behind the messages that this process has */
  #read(mark: AppliedMark | null): void {
    const { definition, mark: linkMark, packetBytesMax, counters } = this.#options;
    const session = this.#in;
    if (mark !== null)
      this.#incoming = new JetstreamIncoming(
        {
          definition,
          mark: linkMark,
          session: this.#outgoing!.start,
          packetBytesMax,
          counters,
          input: (input) => session?.input(input),
          writeMark: (next, former, onMarked) =>
            session?.mark(appliedMark(next), [appliedMark(former)], onMarked),
          onFault: (text) => this.#faults.report(text),
          onFull: (text) => this.#onFull(text),
          onRefused: (text) => this.#onConnectionClosed(text),
          now: this.#options.now,
          after,
        },
        mark,
      );
    const connection = this.#connection;
    if (connection === null || this.#stream === null || this.#incoming === null) return;
    this.#reader = new StreamReader({
      connection,
      stream: this.#stream,
      definition,
      incoming: this.#incoming,
      onFault: (text) => this.#onConnectionClosed(text),
    });
  }

  #onConnectionClosed(reason: string): void {
    this.#endConnection();
    if (this.#isStopped || this.#out?.isOpen !== true) return;
    this.#faults.report(`${this.#reconnection.url}: ${reason}`);
    this.#phase = 'connecting';
    this.#reconnection.connectAfter(this.#reconnection.onClosed(), () => this.#connect());
  }

  #endConnection(): void {
    this.#reconnection.cancel();
    this.#reader?.end();
    this.#reader = null;
    const connection = this.#connection;
    this.#connection = null;
    this.#outgoing?.onDisconnected();
    void connection?.nats.close();
    if (this.#phase === 'connected') this.#phase = 'connecting';
  }

  #onFull(text: string | null): void {
    this.#fullCause = text;
    if (text !== null) this.#faults.warn(text);
  }
}

function filtersOf(session: LocalSession | null): string[] {
  return (session?.detail?.subscriptionList ?? []).map(({ filter }) => filter);
}

function rulesId(rules: readonly object[]): string {
  return createHash('sha1').update(JSON.stringify(rules)).digest('hex').slice(0, 8);
}
