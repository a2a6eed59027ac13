import type {
  ClientEffect,
  ClientInput,
  ClientPort,
  ConnectionId,
  ConnectRequest,
  DeliverEffect,
  Disconnection,
  MemberStatus,
  Message,
  PublishRequest,
  QoS,
  RefusalReason,
  ServingState,
  Subscription,
} from '@mqtt-cluster/contracts';

interface Delivery {
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  state: 'queued' | 'sent' | 'released';
  packetId: number;
}

interface Session {
  readonly client: string;
  readonly subscriptions: Map<string, Subscription>;
  readonly incoming: Set<number>;
  /** Deliveries in order. Deliveries in flight stay at the front until their exchange completes. */
  items: Delivery[];
  connection: ConnectionId | null;
  request: ConnectRequest;
  lastPacketId: number;
  writable: boolean;
}

/** Matches a topic by MQTT 3.1.1, 4.7. Written for clarity, not for speed. */
function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false; // [MQTT-4.7.2-1]
  const filterLevels = filter.split('/');
  const topicLevels = topic.split('/');
  for (const [index, level] of filterLevels.entries()) {
    if (level === '#') return true;
    const actual = topicLevels[index];
    if (actual === undefined || (level !== '+' && level !== actual)) return false;
  }
  return filterLevels.length === topicLevels.length;
}

/** A simple member without cluster and disk. It handles inputs in turns, like a real member. */
export class FakeClientPort implements ClientPort {
  readonly #sessions = new Map<string, Session>();
  readonly #byConnection = new Map<ConnectionId, Session>();
  readonly #retained = new Map<string, Message>();
  readonly #inputs: (() => void)[] = [];
  #handler: (effects: readonly ClientEffect[]) => void = () => undefined;
  #effects: ClientEffect[] = [];
  #turn: NodeJS.Immediate | null = null;
  #suspended = false;
  #round = 0;
  /** The reason for which the member rejects all clients; null accepts them. */
  refusal: RefusalReason | null = null;
  /** The longest Session Expiry Interval that the member grants, seconds. */
  expirySecondsMax = Infinity;
  state: ServingState = 'serving';
  /** True if the member does not answer QoS 2 publishes, like a member without a majority. */
  holdsQos2 = false;
  /** True if the member rejects all QoS 1 and 2 publishes. */
  full = false;
  /** The kinds of all inputs that the broker passed, in order. */
  readonly inputKinds: string[] = [];
  readonly disconnects: ({ connection: ConnectionId } & Disconnection)[] = [];
  readonly writables: boolean[] = [];
  readonly requests: ConnectRequest[] = [];

  onEffects(handler: (effects: readonly ClientEffect[]) => void): void {
    this.#handler = handler;
  }

  /**
   * Stops the turns of the member until {@link resume}. During this time no message is stored, so the broker
   * must not acknowledge a publish.
   */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
    this.#schedule();
  }

  /** Emits effects that no input caused. */
  emit(...effects: ClientEffect[]): void {
    this.#handler(effects);
  }

  input(connection: ConnectionId, input: ClientInput): void {
    if (input.kind === 'writable') this.writables.push(input.writable);
    if (input.kind === 'disconnect') {
      const { graceful, sessionExpirySeconds } = input;
      const expiry = sessionExpirySeconds === undefined ? {} : { sessionExpirySeconds };
      this.disconnects.push({ connection, graceful, ...expiry });
    }
    this.#enqueueInput(input.kind, () => this.#handle(connection, input));
  }

  publishLocal(message: Message): void {
    this.#enqueueInput('publishLocal', () => this.#route(message));
  }

  #enqueueInput(name: string, handle: () => void): void {
    this.inputKinds.push(name);
    this.#inputs.push(handle);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turn || this.#suspended) return;
    this.#turn = setImmediate(() => {
      this.#turn = null;
      if (this.#suspended) return;
      for (const input of this.#inputs.splice(0)) input();
      const effects = this.#effects;
      this.#effects = [];
      if (effects.length > 0) this.#handler(effects);
    });
  }

  #handle(connection: ConnectionId, input: ClientInput): void {
    if (input.kind === 'connect') return this.#connect(connection, input.request);
    if (input.kind === 'pubrel') {
      this.#byConnection.get(connection)?.incoming.delete(input.packetId);
      this.#effects.push({ kind: 'pubcomp', connection, packetId: input.packetId });
      return;
    }
    const session = this.#byConnection.get(connection);
    if (input.kind === 'pubrec' && input.refused !== true) {
      const item = session?.items.find((each) => each.packetId === input.packetId);
      if (item) item.state = 'released';
      this.#effects.push({ kind: 'pubrel', connection, packetId: input.packetId });
      return;
    }
    if (!session) return;
    switch (input.kind) {
      case 'disconnect':
        return this.#disconnect(connection, session, input);
      case 'subscribe':
        return this.#subscribe(connection, session, input.packetId, input.subscriptions);
      case 'unsubscribe': {
        const existed = input.filters.map((filter) => session.subscriptions.delete(filter));
        this.#effects.push({ kind: 'unsuback', connection, packetId: input.packetId, existed });
        return;
      }
      case 'publish':
        return this.#publish(connection, session, input.request);
      case 'writable':
        session.writable = input.writable;
        return this.#pump(session);
      default:
        return this.#done(session, input.packetId);
    }
  }

  #connect(connection: ConnectionId, request: ConnectRequest): void {
    this.requests.push(request);
    if (this.refusal) {
      this.#effects.push({ kind: 'refuse', connection, reason: this.refusal });
      return;
    }
    let session = this.#sessions.get(request.client);
    if (session?.connection != null) {
      this.#effects.push({ kind: 'close', connection: session.connection, reason: 'takenOver' });
      this.#byConnection.delete(session.connection);
      if (session.request.sessionExpirySeconds === 0) session = undefined;
    }
    const sessionPresent = session !== undefined && !request.clean;
    if (!session || request.clean) {
      session = {
        client: request.client,
        subscriptions: new Map(),
        incoming: new Set(),
        items: [],
        connection,
        request,
        lastPacketId: 0,
        writable: true,
      };
    }
    session.connection = connection;
    session.request = request;
    session.writable = true;
    this.#sessions.set(request.client, session);
    this.#byConnection.set(connection, session);
    const granted = Math.min(request.sessionExpirySeconds, this.expirySecondsMax);
    const shorter = granted < request.sessionExpirySeconds ? { sessionExpirySeconds: granted } : {};
    this.#effects.push({ kind: 'connack', connection, epoch: connection, sessionPresent, ...shorter });
    for (const item of session.items) {
      if (item.state === 'sent') this.#send(session, item, true);
      if (item.state === 'released') {
        this.#effects.push({ kind: 'pubrel', connection, packetId: item.packetId });
      }
    }
    this.#pump(session);
  }

  #disconnect(connection: ConnectionId, session: Session, how: Disconnection): void {
    this.#byConnection.delete(connection);
    session.connection = null;
    session.items = session.items.filter((item) => item.qos > 0);
    const { will, sessionExpirySeconds } = session.request;
    if (will && !how.graceful) this.#route({ ...will, publisher: session.client });
    if ((how.sessionExpirySeconds ?? sessionExpirySeconds) === 0) this.#sessions.delete(session.client);
  }

  #subscribe(
    connection: ConnectionId,
    session: Session,
    packetId: number,
    subscriptions: readonly Subscription[],
  ): void {
    const isNew = subscriptions.map((subscription) => !session.subscriptions.has(subscription.filter));
    for (const subscription of subscriptions) session.subscriptions.set(subscription.filter, subscription);
    const codes = subscriptions.map(({ filter, qos }) => (filter === 'beyond/a/bound' ? 0x97 : qos));
    this.#effects.push({ kind: 'suback', connection, packetId, codes });
    for (const [index, subscription] of subscriptions.entries()) {
      const handling = subscription.retainHandling ?? 0;
      if (handling === 2 || (handling === 1 && !isNew[index])) continue;
      if (!subscription.filter.startsWith('$share/')) this.#sendRetained(session, subscription);
    }
  }

  #sendRetained(session: Session, subscription: Subscription): void {
    for (const message of this.#retained.values()) {
      if (!topicMatches(subscription.filter, message.topic)) continue;
      this.#enqueue(session, message, [subscription], true);
    }
  }

  #publish(connection: ConnectionId, session: Session, publish: PublishRequest): void {
    const { packetId = 0, ...message } = publish;
    const kind = publish.qos === 1 ? 'puback' : 'pubrec';
    if (publish.qos > 0 && this.full) {
      this.#effects.push({ kind, connection, packetId, result: 'quotaExceeded' });
      return;
    }
    const repeat = publish.qos === 2 && session.incoming.has(packetId);
    if (publish.qos === 2) session.incoming.add(packetId);
    if (!repeat) this.#route({ ...message, publisher: session.client });
    if (publish.qos === 2 && this.holdsQos2) return;
    if (publish.qos > 0) this.#effects.push({ kind, connection, packetId, result: 'ok' });
  }

  #done(session: Session, packetId: number): void {
    session.items = session.items.filter((item) => item.packetId !== packetId || item.qos === 0);
    this.#pump(session);
  }

  #route(message: Message): void {
    if (message.retain) {
      if (message.payload.length === 0) this.#retained.delete(message.topic);
      else this.#retained.set(message.topic, message);
    }
    const groups = new Map<string, [Session, Subscription][]>();
    for (const session of this.#sessions.values()) {
      const matching: Subscription[] = [];
      for (const subscription of session.subscriptions.values()) {
        const shared = /^\$share\/([^/]+)\/(.*)$/.exec(subscription.filter);
        if (shared && topicMatches(shared[2] ?? '', message.topic)) {
          const candidates = groups.get(subscription.filter) ?? [];
          candidates.push([session, subscription]);
          groups.set(subscription.filter, candidates);
        } else if (!shared && topicMatches(subscription.filter, message.topic)) {
          if (!subscription.noLocal || message.publisher !== session.client) matching.push(subscription);
        }
      }
      if (matching.length > 0) this.#enqueue(session, message, matching, false);
    }
    for (const candidates of groups.values()) {
      const connected = candidates.filter(([session]) => session.connection !== null);
      const choice = connected.length > 0 ? connected : candidates;
      const chosen = choice[this.#round++ % choice.length];
      if (chosen) this.#enqueue(chosen[0], message, [chosen[1]], false);
    }
  }

  #enqueue(session: Session, message: Message, matching: readonly Subscription[], isRetained: boolean): void {
    const most = Math.max(...matching.map((subscription) => subscription.qos));
    const qos = Math.min(message.qos, most) as QoS;
    if (qos === 0 && (session.connection === null || !session.writable)) return;
    session.items.push({
      message,
      qos,
      retain: isRetained || (message.retain && matching.some((each) => each.retainAsPublished === true)),
      identifiers: matching.flatMap((each) => each.subscriptionIdentifier ?? []),
      state: 'queued',
      packetId: 0,
    });
    this.#pump(session);
  }

  #pump(session: Session): void {
    if (session.connection === null) return;
    let inFlight = session.items.filter((item) => item.state !== 'queued').length;
    for (const item of session.items) {
      if (item.state !== 'queued') continue;
      if (!session.writable || (item.qos > 0 && inFlight >= session.request.receiveMaximum)) break;
      if (item.qos > 0) {
        session.lastPacketId = (session.lastPacketId % 65_535) + 1;
        item.packetId = session.lastPacketId;
        inFlight++;
      }
      item.state = 'sent';
      this.#send(session, item, false);
    }
    session.items = session.items.filter((item) => item.qos > 0 || item.state === 'queued');
  }

  #send(session: Session, item: Delivery, dup: boolean): void {
    if (session.connection === null) return;
    const { message, qos, retain, packetId, identifiers } = item;
    const expiry = message.properties?.messageExpiryInterval;
    const effect: DeliverEffect = {
      kind: 'deliver',
      connection: session.connection,
      message,
      qos,
      retain,
      dup,
      packetId,
      ...(identifiers.length > 0 && { subscriptionIdentifiers: identifiers }),
      ...(expiry !== undefined && { expirySeconds: expiry }),
    };
    this.#effects.push(effect);
  }

  status(): MemberStatus {
    // The broker reads only the state.
    return { state: this.state } as MemberStatus;
  }
}
