import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clientHost, namespaceOf } from '../bed/layout.ts';
import type { BedLayout } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { endOf } from './process.ts';
import type { PublisherStatus } from './publishing.ts';

export interface PublishersOptions {
  readonly layout: BedLayout;
  /** This tool's own bundle: it is also the publisher's program. */
  readonly script: string;
  readonly directory: string;
  readonly count: number;
  /** `id=mqtt://host:port` */
  readonly servers: readonly string[];
}

interface Publisher {
  readonly name: string;
  readonly child: ChildProcess;
  newest: PublisherStatus | null;
}

/** Publishers on the client host, which say once a second how they are. */
export class Publishers {
  readonly #options: PublishersOptions;
  readonly #publishers: Publisher[] = [];

  constructor(options: PublishersOptions) {
    this.#options = options;
  }

  start(): void {
    for (let index = 0; index < this.#options.count; index++) this.#startOne(index);
  }

  #startOne(index: number): void {
    const { layout, script, directory, servers } = this.#options;
    const log = openSync(join(directory, `publisher-${index}.log`), 'a');
    const program = [process.execPath, script, 'publish', `load-${process.pid}-${index}`, ...servers];
    const child = spawn('ip', ['netns', 'exec', namespaceOf(layout, clientHost), ...program], {
      stdio: ['ignore', 'pipe', log],
    });
    closeSync(log);
    const publisher: Publisher = { name: `publisher ${index}`, child, newest: null };
    createInterface({ input: child.stdout! }).on('line', (line) => {
      publisher.newest = JSON.parse(line) as PublisherStatus;
    });
    this.#publishers.push(publisher);
  }

  get names(): string[] {
    return this.#publishers.map(({ name }) => name);
  }

  /** What each said last. @throws RehearsalError when one has said nothing yet, or has ended */
  statuses(): PublisherStatus[] {
    return this.#publishers.map(({ name, child, newest }) => {
      if (child.exitCode !== null) throw new RehearsalError(`${name} ended with ${child.exitCode}`);
      if (newest === null) throw new RehearsalError(`${name} has said nothing yet`);
      return newest;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#publishers.splice(0).map(({ child }) => endOf(child)));
  }
}
