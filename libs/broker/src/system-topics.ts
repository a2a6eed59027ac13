import { membersTopic } from '@mqtt-cluster/contracts';
import { sumOfQos } from './counters.ts';
import type { BrokerCounters } from './counters.ts';
import { LoadAverage } from './load-average.ts';
import type { BrokerOptions } from './options.ts';

/** Interval of the topics outside `$SYS/cluster/`. */
const intervalMs = 10_000;

/** Counters behind the load averages in `$SYS/broker/load/…`. */
const loadCounters: Readonly<
  Record<string, (counters: Readonly<BrokerCounters>, options: BrokerOptions) => number>
> = {
  sockets: (counters) => counters.connectionsOpened,
  connections: (counters) => counters.connectionsAccepted,
  'messages/received': (counters) => counters.packetsReceived,
  'messages/sent': (counters) => counters.packetsSent,
  'publish/received': (counters) => sumOfQos(counters.publishesReceived),
  'publish/sent': (counters) => sumOfQos(counters.publishesSent),
  'publish/dropped': (_counters, { droppedMessages }) => droppedMessages?.() ?? 0,
  'bytes/received': (counters) => counters.bytesReceived,
  'bytes/sent': (counters) => counters.bytesSent,
};

/**
 * Publishes the `$SYS` topics: retained QoS 0 messages of this member to its own clients. They are never
 * replicated.
 */
export class SystemTopics {
  readonly #options: BrokerOptions;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  readonly #published = new Map<string, string>();
  readonly #loads = new Map(Object.keys(loadCounters).map((name) => [name, new LoadAverage()]));
  #lastMs: number | null = null;

  constructor(options: BrokerOptions, now: () => number = (): number => performance.now()) {
    this.#options = options;
    this.#now = now;
    this.#startedAtMs = now();
  }

  /**
   * Publishes the changed topics: those under `$SYS/cluster/` at each call, and other topics every ten
   * seconds. The broker calls this method once a second.
   */
  publish(counters: Readonly<BrokerCounters>, clients: number): void {
    const { members, version, systemValues } = this.#options;
    if (members) this.#set(membersTopic, members());
    const values = Object.entries(systemValues?.() ?? {});
    for (const [topic, text] of values) if (isClusterTopic(topic)) this.#set(topic, text);
    const nowMs = this.#now();
    if (this.#lastMs !== null && nowMs - this.#lastMs < intervalMs) return;
    if (version !== undefined) this.#set('$SYS/broker/version', version);
    this.#set('$SYS/broker/uptime', `${Math.floor((nowMs - this.#startedAtMs) / 1_000)} seconds`);
    for (const [topic, text] of values) if (!isClusterTopic(topic)) this.#set(topic, text);
    this.#publishCounters(counters, clients);
    this.#publishLoads(counters, nowMs - (this.#lastMs ?? nowMs));
    this.#lastMs = nowMs;
  }

  #publishCounters(counters: Readonly<BrokerCounters>, clients: number): void {
    const values = {
      'clients/connected': clients,
      'clients/active': clients,
      'clients/maximum': counters.clientsMaximum,
      'messages/received': counters.packetsReceived,
      'messages/sent': counters.packetsSent,
      'publish/messages/received': sumOfQos(counters.publishesReceived),
      'publish/messages/sent': sumOfQos(counters.publishesSent),
      'publish/bytes/received': counters.publishBytesReceived,
      'publish/bytes/sent': counters.publishBytesSent,
      'bytes/received': counters.bytesReceived,
      'bytes/sent': counters.bytesSent,
    };
    for (const [name, value] of Object.entries(values)) this.#set(`$SYS/broker/${name}`, String(value));
  }

  #publishLoads(counters: Readonly<BrokerCounters>, elapsedMs: number): void {
    for (const [name, average] of this.#loads) {
      if (elapsedMs > 0) average.advance(loadCounters[name]!(counters, this.#options), elapsedMs);
      for (const [window, perMinute] of average.entries()) {
        this.#set(`$SYS/broker/load/${name}/${window}`, perMinute.toFixed(2));
      }
    }
  }

  #set(topic: string, text: string): void {
    if (this.#published.get(topic) === text) return;
    this.#published.set(topic, text);
    this.#options.port.publishLocal({ topic, payload: Buffer.from(text), qos: 0, retain: true });
  }
}

function isClusterTopic(topic: string): boolean {
  return topic.startsWith('$SYS/cluster/');
}
