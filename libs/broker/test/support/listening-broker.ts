import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import type { Credentials, Logger } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import { createBroker } from '../../src/index.ts';
import type { Broker, BrokerLimits, BrokerOptions, ListenerOptions } from '../../src/index.ts';
import { authenticatorOf } from './access.ts';
import { FakeClientPort } from './fake-client-port.ts';

/** A log line with its level. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A broker with one listener on a free loopback port. It records the credentials and the log. */
export class ListeningBroker {
  readonly credentials: Credentials[] = [];
  readonly lines: LogLine[] = [];
  /** The member behind the broker. */
  readonly member = new FakeClientPort();
  readonly broker: Broker;
  static readonly #started: ListeningBroker[] = [];

  private constructor(
    listener: Partial<ListenerOptions>,
    limits: Partial<BrokerLimits>,
    more: Partial<BrokerOptions>,
  ) {
    this.broker = createBroker({
      memberId: 'member-1',
      port: this.member,
      listeners: [{ name: 'tested', host: '127.0.0.1', port: 0, kind: 'tcp', ...listener }],
      logger: this.#logger(),
      limits,
      authenticator: authenticatorOf((credentials) => this.credentials.push(credentials) > 0),
      ...more,
    });
  }

  static async start(
    listener: Partial<ListenerOptions>,
    limits: Partial<BrokerLimits> = {},
    more: Partial<BrokerOptions> = {},
  ): Promise<ListeningBroker> {
    const started = new ListeningBroker(listener, limits, more);
    ListeningBroker.#started.push(started);
    await started.broker.start();
    return started;
  }

  /** Stops all brokers that the current test has started. */
  static async stopAll(): Promise<void> {
    for (const { broker } of ListeningBroker.#started.splice(0)) await broker.stop();
  }

  get port(): number {
    return this.broker.addresses()[0]!.port;
  }

  get host(): string {
    return this.broker.addresses()[0]!.host;
  }

  /** Opens a plain TCP connection to the listener. */
  connect(): Socket {
    const socket = connectSocket(this.port, this.host);
    socket.on('error', () => undefined);
    return socket;
  }

  /** Lines above debug. */
  get visibleLines(): LogLine[] {
    return this.lines.filter(({ level }) => level !== 'debug');
  }

  refusals(reason: keyof ReturnType<Broker['counters']>['refusals']): number {
    return this.broker.counters().refusals[reason];
  }

  /** Resolves when the broker has counted this many refused connections of all reasons. */
  async refused(count: number): Promise<void> {
    await until(() => this.broker.counters().connectionsRefused >= count);
  }

  #logger(): Logger {
    const at =
      (level: LogLine['level']) =>
      (fields: object, message: string): void =>
        void this.lines.push({ level, fields: fields as LogLine['fields'], message });
    const logger: Logger = {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: () => logger,
    };
    return logger;
  }
}

/** Resolves with all bytes that the socket received, when the server has closed it. */
export function receivedUntilClosed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(chunks))));
}
