import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput, DeliverEffect, QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { createCounters } from '../../src/link/counters.ts';
import { Outgoing } from '../../src/link/outgoing.ts';
import type { RemoteLimits } from '../../src/remote/remote-limits.ts';
import { PublishedCopies } from './published-copies.ts';

/** Limits of a broker that has kept its session. */
export const limits: RemoteLimits = {
  sessionPresent: true,
  receiveMaximum: 10,
  qosMax: 2,
  packetBytesMax: Infinity,
  retains: true,
};

/** The outgoing half of a link, with what it sends to the other broker and to the cluster. */
export class OutgoingHalf {
  nowMs = 0;
  readonly sent: Packet[] = [];
  readonly inputs: ClientInput[] = [];
  readonly faults: string[] = [];
  readonly copies = new PublishedCopies();
  /** The last delay, ms, and what ends it. */
  pause: { readonly ms: number; readonly end: () => void } | null = null;
  readonly counters = createCounters();
  readonly outgoing: Outgoing;

  constructor(definition: object = {}) {
    const parsed = linkDefinitionSchema.parse({
      addresses: ['mqtt://b'],
      rules: [{ direction: 'out', filter: '#', qosMax: 2 }],
      ...definition,
    });
    const onFault = (text: string): void => void this.faults.push(text);
    this.outgoing = new Outgoing({
      definition: parsed,
      mark: 'c/l',
      echoOf: '$link/l/in',
      counters: this.counters,
      aside: this.copies.keptAside({ definition: parsed, counters: this.counters, onFault }),
      acknowledge: (input) => this.inputs.push(input),
      send: (packet) => this.sent.push(structuredClone(packet)),
      isSlow: () => false,
      onFault,
      now: () => this.nowMs,
      after: (ms, run) => {
        const end = (): void => {
          this.pause = null;
          run();
        };
        this.pause = { ms, end };
        return () => (this.pause = null);
      },
    });
  }

  /** Lets time pass, 1 ms at a time. */
  elapse(ms: number, eachMs: () => void = () => undefined): void {
    let pause = this.pause;
    let endsAtMs = this.nowMs + (pause?.ms ?? 0);
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs;) {
      this.nowMs++;
      if (pause !== null && this.pause === pause && this.nowMs >= endsAtMs) pause.end();
      eachMs();
      if (this.pause !== pause) endsAtMs = this.nowMs + (this.pause?.ms ?? 0);
      pause = this.pause;
    }
  }

  deliver(packetId: number, qos: QoS, change: Partial<DeliverEffect> = {}, payload = 'x'): void {
    const message = { topic: `t/${packetId}`, payload: Buffer.from(payload), qos, retain: false };
    const effect = {
      kind: 'deliver',
      connection: -1,
      message,
      qos,
      retain: false,
      dup: false,
      packetId,
    } as const;
    this.outgoing.onDeliver({ ...effect, ...change });
  }

  /** Packets since the last call, as texts. */
  take(): string[] {
    return this.sent.splice(0).map((packet) => {
      const { qos, dup } = packet as IPublishPacket;
      return [
        packet.cmd,
        packet.messageId,
        ...(packet.cmd === 'publish' ? [`qos${qos}`, dup ? 'dup' : ''] : []),
      ]
        .join(' ')
        .trim();
    });
  }

  takeInputs(): string[] {
    return this.inputs.splice(0).map((input) => {
      const { packetId, refused } = input as { packetId: number; refused?: boolean };
      return `${input.kind} ${packetId}${refused === true ? ' refused' : ''}`;
    });
  }
}
