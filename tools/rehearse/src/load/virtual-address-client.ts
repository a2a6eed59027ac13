import { join } from 'node:path';
import { addressOf, clientHost, namespaceOf, virtualHost } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { ChildProgram, waitFor } from '@mqtt-cluster/kit';

const keepAliveSeconds = 5;
/**
 * Longest wait for a message, ms. A move of the virtual address takes three lost VRRP announcements, the client's
 * keep-alive and the client's pause before a reconnect, and longer on a busy machine.
 */
const receivingMsMax = 120_000;

/** A third-party client (mosquitto_sub) that connects only to the virtual address. */
export class VirtualAddressClient {
  readonly #layout: TestBedLayout;
  #program: ChildProgram | null = null;
  #received = 0;
  #receivedAtMs = 0;
  #pauseMsMax = 0;

  constructor(layout: TestBedLayout) {
    this.#layout = layout;
  }

  start(): void {
    // -R ignores retained messages. The server sends retained messages after every subscription, so they
    // do not prove that new messages arrive.
    const flags = ['-h', addressOf(virtualHost), '-i', 'rehearsal-stock', '-c', '-q', '1', '-R'];
    const rest = ['-k', String(keepAliveSeconds), '-t', 'telemetry/#', '-F', '%t'];
    const command = [
      'netns',
      'exec',
      namespaceOf(this.#layout, clientHost),
      'mosquitto_sub',
      ...flags,
      ...rest,
    ];
    this.#program = new ChildProgram({
      command: 'ip',
      args: command,
      logFile: join(this.#layout.directory, 'mosquitto-sub.log'),
      pipesOutput: true,
    });
    this.#program.output?.on('data', (chunk: Buffer) => {
      const now = performance.now();
      if (this.#received > 0) this.#pauseMsMax = Math.max(this.#pauseMsMax, now - this.#receivedAtMs);
      this.#receivedAtMs = now;
      this.#received += chunk.toString('utf8').split('\n').length - 1;
    });
  }

  /** Waits until another message has arrived. @throws WaitTimeoutError */
  async waitUntilReceiving(): Promise<void> {
    const before = this.#received;
    await waitFor(
      'a message for mosquitto_sub at the virtual address',
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
