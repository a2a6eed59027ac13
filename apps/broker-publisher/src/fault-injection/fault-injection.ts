import { readFileSync, writeFileSync } from 'node:fs';
import { ConfigError, parseJsonText } from '@mqtt-cluster/contracts';
import type { ClientPort, Lifecycle, Logger } from '@mqtt-cluster/contracts';
import { describeValidationError } from '@mqtt-cluster/runtime';
import { nodeFileSystem } from '@mqtt-cluster/store';
import type { FileSystem } from '@mqtt-cluster/store';
import { faultyFileSystem } from '@mqtt-cluster/store/testing';
import { z } from 'zod';
import type { ApplianceConfig } from '../config.ts';
import { withEarlyAcks } from './early-acks.ts';
import { shiftWallClock } from './wall-clock.ts';

const pollMs = 50;
const slowMsMax = 60_000;

/** Content of the faults file. A fault that the file does not contain is not injected. */
export const faultsSchema = z.strictObject({
  disk: z
    .strictObject({
      full: z.boolean().default(false),
      /** Additional duration of each disk operation. */
      slowMs: z.int().min(0).max(slowMsMax).default(0),
    })
    .prefault({}),
  /** Shift of the wall clock, forward (positive) or back (negative). */
  clockMs: z.int().default(0),
  /** Acknowledges QoS 1 and 2 messages before they are durable (breaks P1). */
  ackBeforeCommit: z.boolean().default(false),
});

type Faults = z.output<typeof faultsSchema>;

/** @throws ConfigError the message is one line with each invalid fault */
export function parseFaults(content: Uint8Array | string): Faults {
  let value: unknown;
  try {
    value = parseJsonText(content);
  } catch (cause) {
    throw new ConfigError(`testing.faults: ${(cause as Error).message}`, { cause });
  }
  const result = faultsSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(`testing.faults: ${describeValidationError(faultsSchema, value, result.error)}`);
}

/**
 * Injects faults into this process: a full or slow disk, a shifted wall clock, early acknowledgements. For
 * tests only. Fault injection is off unless the configuration group `testing` sets a faults file or a fault. The
 * faults file is read repeatedly. `<file>.applied` contains the text of the faults in force.
 */
export class FaultInjection implements Lifecycle {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #ackBeforeCommit: boolean;
  #faults: Faults;
  #applied: Uint8Array | null = null;
  #rejected: Uint8Array | null = null;
  #timer: NodeJS.Timeout | null = null;
  #restoreClock: (() => void) | null = null;

  private constructor({ faults, ackBeforeCommit }: ApplianceConfig['testing'], logger: Logger) {
    this.#file = faults;
    this.#logger = logger;
    this.#ackBeforeCommit = ackBeforeCommit;
    this.#faults = parseFaults('{}');
  }

  /** Returns null when the configuration does not enable fault injection. */
  static from({ testing }: ApplianceConfig, logger: Logger): FaultInjection | null {
    const enabled = testing.faults !== '' || testing.ackBeforeCommit;
    return enabled ? new FaultInjection(testing, logger) : null;
  }

  /** Resolves after the first read of the faults file. */
  async start(): Promise<void> {
    this.#logger.warn(
      { file: this.#file, ackBeforeCommit: this.#ackBeforeCommit },
      'TESTING: fault injection is on, so this member may break its promises: ' +
        'unset every MQTT_CLUSTER_TESTING_ variable on a production host',
    );
    this.#restoreClock = shiftWallClock(() => this.#faults.clockMs);
    if (this.#file === '') return;
    this.#readFaults();
    this.#timer = setInterval(() => this.#readFaults(), pollMs).unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#restoreClock?.();
  }

  fileSystem(): FileSystem {
    return faultyFileSystem(nodeFileSystem, () => this.#faults.disk);
  }

  wrap(port: ClientPort): ClientPort {
    return withEarlyAcks(port, () => this.#ackBeforeCommit || this.#faults.ackBeforeCommit);
  }

  /** A missing file means that no fault is injected. */
  #readFaults(): void {
    const content = readContent(this.#file) ?? Buffer.from('{}');
    if ([this.#applied, this.#rejected].some((earlier) => earlier !== null && content.equals(earlier)))
      return;
    try {
      this.#faults = parseFaults(content);
    } catch (error) {
      this.#rejected = content;
      this.#logger.error({ error }, 'TESTING: the faults file is invalid; the previous faults stay in force');
      return;
    }
    this.#applied = content;
    this.#rejected = null;
    this.#logger.warn({ faults: this.#faults }, 'TESTING: the injected faults changed');
    writeFileSync(`${this.#file}.applied`, content);
  }
}

function readContent(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}
