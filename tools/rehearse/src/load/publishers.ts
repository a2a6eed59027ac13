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
  /** Part of the client ids and of the names of the log files. */
  readonly name: string;
  readonly count: number;
  /** Servers in the form `id=mqtt://host:port`. */
  readonly servers: readonly string[];
}

interface Publisher {
  readonly name: string;
  readonly program: ChildProgram;
  /** Resolves when the output of the program has ended. */
  readonly outputEnded: Promise<void>;
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
    const { layout, script, directory, name, servers } = this.#options;
    const program = new ChildProgram({
      command: 'ip',
      args: [
        'netns',
        'exec',
        namespaceOf(layout, clientHost),
        process.execPath,
        script,
        'publish',
        this.idOf(start, index),
        ...servers,
      ],
      logFile: join(directory, `publisher-${name}-${index}.log`),
      pipesOutput: true,
    });
    const lines = createInterface({ input: program.output! });
    const outputEnded = new Promise<void>((resolve) => lines.once('close', resolve));
    const publisher: Publisher = { name: `publisher ${index}`, program, outputEnded, newest: null };
    lines.on('line', (line) => {
      publisher.newest = publisherStatusSchema.parse(JSON.parse(line));
    });
    this.#publishers.push(publisher);
  }

  /** Returns the client id of a publisher, which is also the group of its topics. */
  idOf(start: number, index: number): string {
    return `${this.#options.name}-${process.pid}-${start}-${index}`;
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

  /** Stops the publishers after their last acknowledgements. @returns the last status of each */
  async stop(): Promise<(PublisherStatus | null)[]> {
    const ended = this.#publishers.splice(0);
    await Promise.all(ended.map(({ program }) => program.stop(stopMsMax)));
    await Promise.all(ended.map(({ outputEnded }) => outputEnded));
    return ended.map(({ newest }) => newest);
  }
}
