import { packetTypes, publishTemplate } from '../wire.ts';
import type { PublishTemplate } from '../wire.ts';
import type { RawClient } from './client.ts';
import type { Flow, LoadPlan, Measurements } from './load.ts';

const packetIdMax = 65_535;
/** Largest number of messages in one write. The event loop serves other clients between two writes. */
const burstMax = 200;

/** Publishes the messages of one flow, and limits the number of unacknowledged and undelivered messages. */
export class Publisher {
  readonly #client: RawClient;
  readonly #plan: LoadPlan;
  readonly #flow: Flow;
  readonly #measurements: Measurements;
  readonly #template: PublishTemplate;
  readonly #sentAtMs = new Float64Array(packetIdMax + 1);
  #releases: Buffer[] = [];
  #lastPacketId = 0;
  #unacknowledged = 0;
  #credit: number;
  #stopped = false;
  #scheduled = false;

  /** @param phase part of a message that a publisher with a rate may already send, so that publishers take turns */
  constructor(client: RawClient, plan: LoadPlan, flow: Flow, measurements: Measurements, phase: number) {
    this.#client = client;
    this.#plan = plan;
    this.#flow = flow;
    this.#measurements = measurements;
    this.#template = publishTemplate(flow.topic, plan.qos, plan.payloadBytes);
    this.#credit = plan.rate > 0 ? phase : Infinity;
    client.onPackets((first, bytes, start) => this.#onPacket(first, bytes, start));
    client.socket.on('drain', () => this.schedule());
  }

  get idle(): boolean {
    return this.#unacknowledged === 0;
  }

  /** Permits the publisher to send this number of further messages. Called only when the plan has a rate. */
  allow(messages: number): void {
    this.#credit = Math.min(this.#credit + messages, this.#plan.undeliveredMax);
    this.schedule();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Schedules one burst of messages. Several calls in one iteration of the event loop schedule only one burst. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#burst();
    });
  }

  #burst(): void {
    if (this.#stopped || this.#client.socket.writableNeedDrain) return;
    const { qos, window, undeliveredMax } = this.#plan;
    const undelivered = this.#flow.published - this.#leastReceived();
    const room = qos === 0 ? Infinity : window - this.#unacknowledged;
    const count = Math.floor(Math.min(room, undeliveredMax - undelivered, this.#credit, burstMax));
    if (count <= 0) return;
    const { bytes, packetIdAt, stampAt } = this.#template;
    const batch = Buffer.allocUnsafe(count * bytes.length);
    const nowMs = performance.now();
    for (let at = 0; at < batch.length; at += bytes.length) {
      bytes.copy(batch, at);
      if (qos > 0) {
        this.#lastPacketId = (this.#lastPacketId % packetIdMax) + 1;
        batch.writeUInt16BE(this.#lastPacketId, at + packetIdAt);
        this.#sentAtMs[this.#lastPacketId] = nowMs;
      }
      batch.writeDoubleBE(this.#flow.published++, at + stampAt);
      batch.writeDoubleBE(nowMs, at + stampAt + 8);
    }
    if (qos > 0) this.#unacknowledged += count;
    this.#credit -= count;
    this.#client.socket.write(batch);
    if (count === burstMax) this.schedule();
  }

  #leastReceived(): number {
    let least = Infinity;
    for (const { next } of this.#flow.receipts) if (next < least) least = next;
    return least === Infinity ? this.#flow.published : least;
  }

  #onPacket(first: number, bytes: Buffer, start: number): void {
    const packetId = bytes.readUInt16BE(start);
    const type = first >> 4;
    if (type === packetTypes.pubcomp) this.#done();
    else if (type === packetTypes.puback) {
      this.#acknowledged(packetId);
      this.#done();
    } else if (type === packetTypes.pubrec) {
      this.#acknowledged(packetId);
      this.#release(packetId);
    }
  }

  #acknowledged(packetId: number): void {
    if (!this.#measurements.measuring) return;
    this.#measurements.acknowledged.record(performance.now() - this.#sentAtMs[packetId]!);
  }

  #done(): void {
    this.#unacknowledged--;
    this.schedule();
  }

  #release(packetId: number): void {
    this.#releases.push(Buffer.from([0x62, 2, packetId >> 8, packetId & 0xff]));
    if (this.#releases.length > 1) return;
    setImmediate(() => {
      this.#client.socket.write(Buffer.concat(this.#releases));
      this.#releases = [];
    });
  }
}
