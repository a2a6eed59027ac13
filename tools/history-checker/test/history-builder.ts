import { createChecker } from '../src/index.ts';
import type { ClosedEvent, Header, HistoryEvent, Limits, QoS, WillRecord } from '../src/history/events.ts';
import type { Verdict } from '../src/verdict.ts';

export const testHeader: Header = {
  type: 'header',
  format: 1,
  seed: 1,
  scenario: 'test',
  target: 'lab',
  servers: ['A', 'B', 'C'],
  startedAt: '2026-11-22T00:00:00.000Z',
  limits: { willMsMax: 5_000, takeoverMsMax: 1_000, degradedAcks: false },
};

export interface ConnectOptions {
  readonly server?: string;
  readonly version?: 4 | 5;
  readonly clean?: boolean;
  readonly expirySeconds?: number | null;
  readonly will?: WillRecord | null;
  readonly sessionPresent?: boolean;
  /** Whether the server answers the CONNECT with a CONNACK; true by default. */
  readonly answered?: boolean;
  readonly receiveMaximum?: number;
}

export interface MessageOptions {
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly clear?: boolean;
  /** Reason code of the acknowledgement; null: the server sends no acknowledgement. */
  readonly ack?: number | null;
  readonly expirySeconds?: number;
  readonly unacknowledged?: number;
}

/**
 * Builds a history event by event. Each event is one millisecond after the previous event; `wait` increases
 * the time between two events.
 */
export class HistoryBuilder {
  readonly header: Header;
  readonly events: HistoryEvent[] = [];
  atMs = 0;
  #connections = 0;
  #messages = 0;
  #faults = 0;

  /** @param remotes servers beyond a link, in addition to the three members */
  constructor(limits: Partial<Limits> = {}, remotes?: readonly string[], remotesForget = false) {
    this.header = {
      ...testHeader,
      ...(remotes && { servers: [...testHeader.servers, ...remotes], remotes }),
      ...(remotesForget && { remotesForget }),
      limits: { ...testHeader.limits, ...limits },
    };
  }

  wait(ms: number): void {
    this.atMs += ms;
  }

  now(): number {
    return ++this.atMs;
  }

  nextMessage(): number {
    return ++this.#messages;
  }

  connect(clientId: string, options: ConnectOptions = {}): number {
    const { clean = false, server = 'A', version = 4, sessionPresent = false, will = null } = options;
    const { expirySeconds = clean ? 0 : null, answered = true } = options;
    const connection = ++this.#connections;
    const { receiveMaximum } = options;
    const limited = receiveMaximum === undefined ? {} : { receiveMaximum };
    const session = { connection, clientId, server, version, clean, expirySeconds, will, ...limited };
    this.events.push({ type: 'connect', at: this.now(), ...session });
    if (answered) this.events.push({ type: 'connected', at: this.now(), connection, sessionPresent });
    return connection;
  }

  will(topic: string, options: Partial<WillRecord> = {}): WillRecord {
    return { message: this.nextMessage(), topic, qos: 1, retain: false, delaySeconds: 0, ...options };
  }

  close(connection: number, how: ClosedEvent['how'] = 'dropped'): void {
    this.events.push({ type: 'closed', at: this.now(), connection, how });
  }

  subscribe(connection: number, filter: string, qos: QoS = 2, granted: number | null = qos): void {
    this.events.push({ type: 'subscribe', at: this.now(), connection, filter, qos });
    if (granted === null) return;
    this.events.push({ type: 'subscribed', at: this.now(), connection, filter, code: granted });
  }

  unsubscribe(connection: number, filter: string): void {
    this.events.push({ type: 'unsubscribe', at: this.now(), connection, filter, qos: 0 });
    this.events.push({ type: 'unsubscribed', at: this.now(), connection, filter, code: 0 });
  }

  /** @returns the message's id */
  publish(connection: number, topic: string, options: MessageOptions = {}): number {
    const message = this.nextMessage();
    this.send(connection, message, topic, options);
    return message;
  }

  send(connection: number, message: number, topic: string, options: MessageOptions = {}): void {
    const { qos = 1, retain = false, dup = false, clear = false } = options;
    const { ack = qos === 0 ? null : 0 } = options;
    const { expirySeconds } = options;
    const expiring = expirySeconds === undefined ? {} : { expirySeconds };
    const fields = { message, topic, qos, retain, dup, clear, ...expiring };
    this.events.push({ type: 'publish', at: this.now(), connection, ...fields });
    if (ack === null) return;
    this.events.push({ type: 'acked', at: this.now(), connection, message, code: ack });
    if (qos === 2 && ack < 0x80) {
      this.events.push({ type: 'completed', at: this.now(), connection, message });
    }
  }

  deliver(connection: number, message: number, topic: string, options: MessageOptions = {}): void {
    const { qos = 1, retain = false, dup = false } = options;
    const { expirySeconds, unacknowledged } = options;
    const expiring = expirySeconds === undefined ? {} : { expirySeconds };
    const counted = unacknowledged === undefined ? {} : { unacknowledged };
    const fields = { message, topic, qos, retain, dup, ...expiring, ...counted };
    this.events.push({ type: 'delivery', at: this.now(), connection, ...fields });
  }

  /** @returns a function that ends the fault */
  fault(fault: string, members: readonly string[], groups?: readonly (readonly string[])[]): () => void {
    const id = ++this.#faults;
    const partitions = groups ? { groups } : {};
    this.events.push({ type: 'fault', at: this.now(), id, phase: 'begin', fault, members, ...partitions });
    return () => {
      this.events.push({ type: 'fault', at: this.now(), id, phase: 'end', fault, members });
    };
  }

  /**
   * Adds a measurement of the machine's load. The checker judges times only if the history contains such a
   * probe.
   */
  probe(wakeMs = 0, syncMs = 0, runnable = 1): void {
    this.events.push({ type: 'probe', at: this.now(), wakeMs, syncMs, runnable });
  }

  settle(): void {
    for (const phase of ['healed', 'quiet', 'settled'] as const) {
      this.wait(1_000);
      this.events.push({ type: 'phase', at: this.now(), phase });
    }
  }

  /**
   * Adds the retained messages that all servers send at the end. `different` lists the servers that send
   * other messages.
   */
  retained(
    messages: Readonly<Record<string, number>>,
    different: Readonly<Record<string, typeof messages>> = {},
  ) {
    for (const server of this.header.servers) {
      const served = Object.entries(different[server] ?? messages);
      this.events.push({ type: 'retained', at: this.now(), server, messages: served });
    }
  }

  /** Adds the missing phase events and the event `end`, and checks the history. */
  verdict(crashes: readonly string[] = []): Verdict {
    if (!this.events.some((event) => event.type === 'phase' && event.phase === 'settled')) this.settle();
    return judge(this.header, [...this.events, { type: 'end', at: this.now(), crashes }]);
  }
}

export function judge(header: Header, events: readonly HistoryEvent[]): Verdict {
  const checker = createChecker(header);
  for (const event of events) checker.add(event);
  return checker.verdict();
}

/** @returns the names of the violated rules */
export function violated(verdict: Verdict): string[] {
  return verdict.rules.filter(({ violations }) => violations > 0).map(({ rule }) => rule);
}

export function ruleOf(verdict: Verdict, name: string): Verdict['rules'][number] {
  const found = verdict.rules.find(({ rule }) => rule === name);
  if (!found) throw new Error(`no rule is called ${name}`);
  return found;
}
