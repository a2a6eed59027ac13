import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { addressOf, clientHost, namespaceOf, virtualHost } from '../bed/layout.ts';
import type { BedLayout } from '../bed/layout.ts';
import { until } from '../poll.ts';

const keepAliveSeconds = 5;
/** Three lost announcements, the keep-alive of a stock client, its own pause, and a busy machine. */
const receivingMsMax = 120_000;

/** A stock client (mosquitto_sub) that knows only the virtual address. */
export class AddressWatch {
  readonly #layout: BedLayout;
  #child: ChildProcess | null = null;
  #received = 0;
  #receivedAtMs = 0;
  #pauseMsMax = 0;

  constructor(layout: BedLayout) {
    this.#layout = layout;
  }

  start(): void {
    // -R: what is retained comes with every subscription, and proves nothing.
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
    this.#child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const now = performance.now();
      if (this.#received > 0) this.#pauseMsMax = Math.max(this.#pauseMsMax, now - this.#receivedAtMs);
      this.#receivedAtMs = now;
      this.#received += chunk.toString('utf8').split('\n').length - 1;
    });
  }

  /** Until more has come than when it was asked. @throws RehearsalError */
  async receiving(): Promise<void> {
    const before = this.#received;
    await until('mosquitto_sub through the virtual address receiving', receivingMsMax, async () =>
      this.#received > before ? true : undefined,
    );
  }

  /** For people. */
  describe(): string {
    const seconds = (this.#pauseMsMax / 1_000).toFixed(1);
    return `mosquitto_sub received ${this.#received} live messages; its longest pause was ${seconds} s`;
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}
