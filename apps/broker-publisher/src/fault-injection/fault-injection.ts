import { readFileSync, writeFileSync } from 'node:fs';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { ClientPort, Lifecycle, Logger } from '@mqtt-cluster/contracts';
import { nodeFileSystem } from '@mqtt-cluster/store';
import type { FileSystem } from '@mqtt-cluster/store';
import { faultyFileSystem } from '@mqtt-cluster/store/testing';
import { z } from 'zod';
import type { ApplianceConfig } from '../config.ts';
import { installClock } from './wall-clock.ts';
import { withEarlyAcks } from './early-acks.ts';

const lookIntervalMs = 50;
const slowMsMax = 60_000;

/** What the file of faults may say; what it leaves out is sound. */
export const faultsSchema = z.strictObject({
  disk: z
    .strictObject({
      full: z.boolean().default(false),
      slowMs: z.int().min(0).max(slowMsMax).default(0),
    })
    .prefault({}),
  /** How far the wall clock is off. */
  clockMs: z.int().default(0),
  /** QoS 1 and 2 acks leave before anything is safe. */
  ackBeforeCommit: z.boolean().default(false),
});

export type TestingFaults = z.output<typeof faultsSchema>;

/** @throws ConfigError in one line what is wrong */
export function parseTestingFaults(text: string): TestingFaults {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError('testing.faults: the file is not JSON', { cause });
  }
  const result = faultsSchema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new ConfigError(`testing.faults: ${issues.join('; ')}`);
}

/**
 * Faults that only a process can have from within: its disk, its clock, its honesty. A test-only switch, off unless the
 * configuration's `testing` names a file or a fault; the file is looked at again and again, and `<file>.applied` then
 * has the text that counts now.
 */
export class Testing implements Lifecycle {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #ackBeforeCommit: boolean;
  #faults: TestingFaults;
  #text = '';
  #refused = '';
  #timer: NodeJS.Timeout | null = null;
  #restoreClock: (() => void) | null = null;

  constructor({ faults, ackBeforeCommit }: ApplianceConfig['testing'], logger: Logger) {
    this.#file = faults;
    this.#logger = logger;
    this.#ackBeforeCommit = ackBeforeCommit;
    this.#faults = parseTestingFaults('{}');
  }

  /** Null when the configuration asks for no such thing, as it should. */
  static from({ testing }: ApplianceConfig, logger: Logger): Testing | null {
    return testing.faults === '' && !testing.ackBeforeCommit ? null : new Testing(testing, logger);
  }

  /** The first look is taken before this resolves. */
  async start(): Promise<void> {
    this.#logger.warn(
      { file: this.#file, ackBeforeCommit: this.#ackBeforeCommit },
      'TESTING: this member breaks its promises when told; unset every MQTT_CLUSTER_TESTING_ variable on a real host',
    );
    this.#restoreClock = installClock(() => this.#faults.clockMs);
    if (this.#file === '') return;
    this.#look();
    this.#timer = setInterval(() => this.#look(), lookIntervalMs).unref();
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

  /** A file that is not there names no fault. */
  #look(): void {
    const text = readText(this.#file) ?? '{}';
    if (text === this.#text || text === this.#refused) return;
    try {
      this.#faults = parseTestingFaults(text);
    } catch (error) {
      this.#refused = text;
      this.#logger.error({ error }, 'TESTING: these faults are refused; the former ones go on');
      return;
    }
    this.#text = text;
    this.#refused = '';
    this.#logger.warn({ faults: this.#faults }, 'TESTING: faults changed');
    writeFileSync(`${this.#file}.applied`, text);
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
