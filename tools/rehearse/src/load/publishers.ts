import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clientHost, namespaceOf } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { ChildProgram } from '@mqtt-cluster/kit';
import { publisherStatusSchema } from './publishing.ts';
import type { PublisherStatus } from './publishing.ts';

const stopMsMax = 5_000;

export interface PublishersOptions {
  readonly layout: TestBedLayout;
  /** Path of this tool's bundle, which is also the program of the publishers. */
  readonly script: string;
  readonly directory: string;
  readonly count: number;
  /** Servers in the form `id=mqtt://host:port`. */
  readonly servers: readonly string[];
}

interface Publisher {
  readonly name: string;
  readonly program: ChildProgram;
  newest: PublisherStatus | null;
}

/** The load's publishers on the client host. Each publisher is a process that prints its status once a second. */
export class Publishers {
  readonly #options: PublishersOptions;
  readonly #publishers: Publisher[] = [];

  constructor(options: PublishersOptions) {
    this.#options = options;
  }

  /** Starts the publishers. @param start number of this start, which makes their ids unique */
  start(start: number): void {
    for (let index = 0; index < this.#options.count; index++) this.#startOne(start, index);
  }

  #startOne(start: number, index: number): void {
    const { layout, script, directory, servers } = this.#options;
    const publish = [
      process.execPath,
      script,
      'publish',
      `load-${process.pid}-${start}-${index}`,
      ...servers,
    ];
    const program = new ChildProgram({
      command: 'ip',
      args: ['netns', 'exec', namespaceOf(layout, clientHost), ...publish],
      logFile: join(directory, `publisher-${index}.log`),
      pipesOutput: true,
    });
    const publisher: Publisher = { name: `publisher ${index}`, program, newest: null };
    if (program.output !== null)
      createInterface({ input: program.output }).on('line', (line) => {
        publisher.newest = publisherStatusSchema.parse(JSON.parse(line));
      });
    this.#publishers.push(publisher);
  }

  get names(): string[] {
    return this.#publishers.map(({ name }) => name);
  }

  /**
   * Returns the latest status of each publisher.
   * @throws RehearsalError when a publisher has ended, or has not reported a status yet
   */
  statuses(): PublisherStatus[] {
    return this.#publishers.map(({ name, program, newest }) => {
      if (program.hasEnded) throw new RehearsalError(`${name} has ended; its log: ${program.logFile}`);
      if (newest === null) throw new RehearsalError(`${name} has not reported its status yet`);
      return newest;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#publishers.splice(0).map(({ program }) => program.stop(stopMsMax)));
  }
}
