import type { ClientId, QoS } from '@mqtt-cluster/contracts';

/** One packet of a client. Contains no user name and no password. */
export interface TracedPacket {
  /** Unix time, ms. */
  readonly atMs: number;
  readonly client: ClientId;
  readonly address: string;
  /** `in`: from the client. */
  readonly direction: 'in' | 'out';
  /** Name of the packet type, for example `PUBLISH`; `CLOSE` for the end of the connection. */
  readonly packet: string;
  readonly packetId?: number;
  /** Topic of PUBLISH; filters of SUBSCRIBE and UNSUBSCRIBE. At most 1,024 characters. */
  readonly topic?: string;
  readonly qos?: QoS;
  readonly dup?: boolean;
  readonly retain?: boolean;
  /** Bytes of the whole packet. 0 for a packet that was not sent. */
  readonly bytes: number;
  /** Absent when the broker handled the packet as usual. */
  decision?: string;
  /** The first 4,096 bytes of the payload, in base64. */
  readonly payload?: string;
}

/** Which packets a trace contains: those of a client, those of an address, or the PUBLISH packets of a topic filter. */
export type TraceTarget =
  { readonly client: ClientId } | { readonly address: string } | { readonly topic: string };

/** Bounds of the lines that wait for the reader. */
const linesMax = 2_000;
const bytesMax = 1024 * 1024;
const lineOverheadBytes = 300;

/** The packets of one trace that wait for their reader, in bounded memory. */
export class PacketTrace {
  readonly target: TraceTarget;
  /** True if the lines contain payloads. */
  readonly payload: boolean;
  readonly #onLine: () => void;
  readonly #lines: TracedPacket[] = [];
  #bytes = 0;
  #lost = 0;

  constructor(target: TraceTarget, payload: boolean, onLine: () => void) {
    this.target = target;
    this.payload = payload;
    this.#onLine = onLine;
  }

  /** Lines that wait, or a number of lost lines. */
  get hasLines(): boolean {
    return this.#lines.length > 0 || this.#lost > 0;
  }

  /** Returns whether packets of this client may belong to the trace. An empty client is not known yet. */
  concerns(client: ClientId, address: string): boolean {
    const { target } = this;
    if ('client' in target) return client === '' || client === target.client;
    return !('address' in target) || target.address === address;
  }

  /** Keeps the line if it matches. Its decision may still change in the same turn of the event loop. */
  offer(line: TracedPacket): void {
    if (!this.#matches(line)) return;
    const size = sizeOf(line);
    if (this.#lines.length >= linesMax || this.#bytes + size > bytesMax) {
      this.#lost++;
      return;
    }
    this.#lines.push(line);
    this.#bytes += size;
    this.#onLine();
  }

  /** Removes and returns the oldest lines, at most `max`, and the number of lines that were lost since the last call. */
  take(max: number): { readonly lines: readonly TracedPacket[]; readonly lost: number } {
    const lines = this.#lines.splice(0, max);
    const lost = this.#lost;
    this.#lost = 0;
    for (const line of lines) this.#bytes -= sizeOf(line);
    return { lines: this.payload ? lines : lines.map(withoutPayload), lost };
  }

  #matches({ client, address, packet, topic }: TracedPacket): boolean {
    const { target } = this;
    if ('client' in target) return client === target.client;
    if ('address' in target) return address === target.address;
    return packet === 'PUBLISH' && topic !== undefined && topicMatches(target.topic, topic);
  }
}

function sizeOf({ topic = '', payload = '' }: TracedPacket): number {
  return lineOverheadBytes + 2 * topic.length + payload.length;
}

/** Another trace may show payloads, and the traces share the lines. */
function withoutPayload({ payload: _payload, ...line }: TracedPacket): TracedPacket {
  return line;
}

/** Matches a topic by MQTT 5, 4.7. A filter that starts with a wildcard matches no topic with `$` [MQTT-4.7.2-1]. */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false;
  const levels = filter.split('/');
  const actual = topic.split('/');
  for (const [index, level] of levels.entries()) {
    if (level === '#') return true;
    if (index >= actual.length || (level !== '+' && level !== actual[index])) return false;
  }
  return levels.length === actual.length;
}
