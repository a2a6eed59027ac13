import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput } from '@mqtt-cluster/contracts';
import type { Verdict } from '../../src/jetstream/comparison.ts';
import type { StreamAnswer, StreamRefusal, StreamWriter } from '../../src/jetstream/outgoing-types.ts';
import { JetstreamOutgoing } from '../../src/jetstream/outgoing.ts';
import { createCounters } from '../../src/link/counters.ts';
import { PublishedCopies } from './published-copies.ts';

const definition = {
  kind: 'jetstream',
  addresses: ['nats://n'],
  jetstream: { stream: 'S' },
  rules: [{ direction: 'out', filter: '#' }],
};
export const duplicateWindowMs = 3_600_000;
export const unreachable: StreamRefusal = { kind: 'connection', text: 'the server does not answer' };

/** The outgoing half of a link to a stream, and what it has asked the stream and the cluster. */
export class JetstreamHalf {
  nowMs = 0;
  readonly counters = createCounters();
  readonly inputs: ClientInput[] = [];
  readonly faults: string[] = [];
  readonly copies = new PublishedCopies();
  readonly compared: string[] = [];
  readonly stored: string[] = [];
  /** The answers of the stream. Null: the connection ends before the answer. */
  answer: StreamAnswer | null = 'stored';
  verdict: Verdict | StreamRefusal | null = 'undecided';
  readonly outgoing: JetstreamOutgoing;

  constructor(queuedSinceMs = 0, change: object = {}) {
    const parsed = linkDefinitionSchema.parse({ ...definition, ...change });
    const onFault = (text: string): void => void this.faults.push(text);
    this.outgoing = new JetstreamOutgoing(
      {
        definition: parsed,
        mark: 'c/l',
        echoOf: '$link/l/in',
        counters: this.counters,
        aside: this.copies.keptAside({ definition: parsed, counters: this.counters, onFault }),
        acknowledge: (input) => this.inputs.push(input),
        writeMark: (_mark, _former, onMarked) => onMarked(),
        newStart: 's',
        queuedSinceMs,
        onFault,
        onConnectionFault: (text) => this.faults.push(`connection: ${text}`),
        onUnnumbered: () => undefined,
        now: () => this.nowMs,
        after: () => () => undefined,
      },
      [],
    );
  }

  deliver(packetId: number, topic: string, dup = false): void {
    const message = { topic, payload: new Uint8Array(), qos: 1, retain: false } as const;
    this.outgoing.onDeliver({
      kind: 'deliver',
      connection: -1,
      message,
      qos: 1,
      retain: false,
      dup,
      packetId,
    });
  }

  async connect(): Promise<void> {
    const writer: StreamWriter = {
      messageBytesMax: 10_000,
      duplicateWindowMs,
      store: ({ subject }) => {
        this.stored.push(subject);
        return this.answer === null ? new Promise(() => undefined) : Promise.resolve(this.answer);
      },
      compare: (subject) => {
        this.compared.push(subject);
        return this.verdict === null ? new Promise(() => undefined) : Promise.resolve(this.verdict);
      },
      send: () => true,
    };
    this.outgoing.onConnected(writer);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sends a message, and loses the connection before the answer. */
  async loseAnswer(): Promise<void> {
    this.deliver(1, 'a');
    this.answer = null;
    await this.connect();
    this.outgoing.onDisconnected();
    this.answer = 'stored';
    this.stored.length = 0;
  }

  get acknowledged(): number[] {
    return this.inputs.map((input) => (input.kind === 'puback' ? input.packetId : 0));
  }
}
