import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clientHost, namespaceOf } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { ChildProgram, waitFor } from '@mqtt-cluster/kit';

const tlsPort = 8883;
const keepAliveSeconds = 5;
const topic = 'telemetry';
/**
 * Longest wait for a message, ms. A move of the virtual address takes three lost VRRP announcements, the client's
 * keep-alive and the client's pause before a reconnect, and longer on a busy machine.
 */
const receivingMsMax = 120_000;

export interface StockClientOptions {
  readonly layout: TestBedLayout;
  readonly id: string;
  /** Address of the broker, or the virtual address. */
  readonly address: string;
  /** Path of the authorities (PEM) for a connection with TLS; without it the client connects without TLS. */
  readonly authorities?: string;
}

/** A third-party client (mosquitto_sub) that knows only one address. */
export class StockClient {
  readonly #options: StockClientOptions;
  #program: ChildProgram | null = null;
  #connects = 0;
  #received = 0;
  #receivedAtMs = 0;
  #pauseMsMax = 0;

  constructor(options: StockClientOptions) {
    this.#options = options;
  }

  /** Number of connections that the client has started. */
  get connects(): number {
    return this.#connects;
  }

  start(): void {
    const { layout, id, address, authorities } = this.#options;
    // -R ignores retained messages. The server sends retained messages after every subscription, so they
    // do not prove that new messages arrive. -d prints a line for each connection.
    const flags = ['-h', address, '-i', id, '-c', '-q', '1', '-R', '-d'];
    const tls = authorities === undefined ? [] : ['-p', String(tlsPort), '--cafile', authorities];
    const rest = ['-k', String(keepAliveSeconds), '-t', `${topic}/#`, '-F', '%t'];
    const command = [
      'netns',
      'exec',
      namespaceOf(layout, clientHost),
      'mosquitto_sub',
      ...flags,
      ...tls,
      ...rest,
    ];
    this.#program = new ChildProgram({
      command: 'ip',
      args: command,
      logFile: join(layout.directory, `${id}.log`),
      pipesOutput: true,
    });
    if (this.#program.output !== null)
      createInterface({ input: this.#program.output }).on('line', (line) => this.#read(line));
  }

  #read(line: string): void {
    if (line.endsWith('sending CONNECT')) this.#connects++;
    if (!line.startsWith(`${topic}/`)) return;
    const now = performance.now();
    if (this.#received > 0) this.#pauseMsMax = Math.max(this.#pauseMsMax, now - this.#receivedAtMs);
    this.#receivedAtMs = now;
    this.#received++;
  }

  /** Waits until another message has arrived. @throws WaitTimeoutError */
  async waitUntilReceiving(): Promise<void> {
    const before = this.#received;
    await waitFor(
      `a message for mosquitto_sub at ${this.#options.address}`,
      async () => (this.#received > before ? true : undefined),
      { timeoutMs: receivingMsMax },
    );
  }

  /** Returns one line with the number of received messages and the longest pause between them. */
  describe(): string {
    const seconds = (this.#pauseMsMax / 1_000).toFixed(1);
    return `mosquitto_sub received ${this.#received} live messages; its longest pause was ${seconds} s`;
  }

  stop(): void {
    this.#program?.signal('SIGKILL');
    this.#program = null;
  }
}
