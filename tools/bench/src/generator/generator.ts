import { LatencyHistogram } from '@mqtt-cluster/kit';
import { RawClient } from './client.ts';
import type { Flow, LoadPlan, LoadResult, Measurements, Percentiles } from './load.ts';
import { Publisher } from './publisher.ts';
import { Receipts } from './receipts.ts';
import { Subscriber } from './subscriber.ts';
import type { TopicTarget } from './subscriber.ts';

/** Longest time for messages to arrive after the last PUBLISH. Later messages count as lost. */
const drainMsMax = 15_000;
const pollMs = 20;
const rateStepMs = 5;

interface Running {
  readonly plan: LoadPlan;
  readonly measurements: Measurements;
  readonly flows: readonly Flow[];
  readonly publishers: readonly Publisher[];
  readonly clients: readonly RawClient[];
  readonly failure: { error: Error | null };
}

/** Runs one load plan. @throws Error when a connection fails or the broker closes a connection */
export async function generate(plan: LoadPlan): Promise<LoadResult> {
  const running = await connectAll(plan);
  const { measurements, publishers, clients, failure } = running;
  const rateTimer = plan.rate > 0 ? setInterval(paced(plan, publishers), rateStepMs) : null;
  try {
    for (const publisher of publishers) publisher.schedule();
    await pass(plan.warmUpSeconds * 1_000, failure);
    const before = process.cpuUsage();
    const startedMs = performance.now();
    measurements.measuring = true;
    await pass(plan.seconds * 1_000, failure);
    measurements.measuring = false;
    const measuredSeconds = (performance.now() - startedMs) / 1_000;
    const { user, system } = process.cpuUsage(before);
    for (const publisher of publishers) publisher.stop();
    await drained(running);
    return result(running, measuredSeconds, (user + system) / 1e6 / measuredSeconds);
  } finally {
    if (rateTimer !== null) clearInterval(rateTimer);
    for (const client of clients) client.close();
  }
}

async function connectAll(plan: LoadPlan): Promise<Running> {
  const failure: { error: Error | null } = { error: null };
  const onFailure = (error: Error): void => void (failure.error ??= error);
  const measurements: Measurements = {
    measuring: false,
    delivered: 0,
    acknowledged: new LatencyHistogram(),
    endToEnd: new LatencyHistogram(),
  };
  const flows: Flow[] = [];
  for (let number = 0; number < plan.publishers; number++) {
    flows.push({ topic: `bench/${plan.label}/${number}`, published: 0, receipts: [] });
  }
  const clients: RawClient[] = [];
  const open = async (name: string, turn: number): Promise<RawClient> => {
    const endpoint = plan.endpoints[turn % plan.endpoints.length]!;
    const client = await RawClient.open(endpoint, `${plan.label}-${name}`, plan.clean, onFailure);
    clients.push(client);
    return client;
  };
  const publishers: Publisher[] = [];
  for (const [number, flow] of flows.entries()) {
    const client = await open(`p${number}`, number);
    publishers.push(new Publisher(client, plan, flow, measurements, number / plan.publishers));
  }
  for (let number = 0; number < plan.subscribers; number++) {
    // The subscriber connects to the next endpoint after the endpoint of its publisher, so that messages pass between
    // members.
    const client = await open(`s${number}`, number + 1);
    const targets = new Map<string, TopicTarget>();
    for (const position of flowsOf(number, plan)) {
      const flow = flows[position]!;
      const receipts = new Receipts();
      flow.receipts.push(receipts);
      targets.set(flow.topic, { receipts, onDelivered: () => publishers[position]!.schedule() });
    }
    for (const topic of targets.keys()) await client.subscribe(topic, plan.qos);
    new Subscriber(client, targets, measurements);
  }
  return { plan, measurements, flows, publishers, clients, failure };
}

/** Returns the positions of the flows of a subscriber. The flows are distributed over the subscribers in turn. */
function flowsOf(subscriber: number, { publishers, subscribers }: LoadPlan): number[] {
  if (subscribers >= publishers) return [subscriber % publishers];
  const flows: number[] = [];
  for (let flow = subscriber; flow < publishers; flow += subscribers) flows.push(flow);
  return flows;
}

function paced(plan: LoadPlan, publishers: readonly Publisher[]): () => void {
  let lastMs = performance.now();
  return () => {
    const nowMs = performance.now();
    const share = ((nowMs - lastMs) / 1_000) * (plan.rate / publishers.length);
    lastMs = nowMs;
    for (const publisher of publishers) publisher.allow(share);
  };
}

async function pass(milliseconds: number, failure: { readonly error: Error | null }): Promise<void> {
  const untilMs = performance.now() + milliseconds;
  while (performance.now() < untilMs) {
    if (failure.error !== null) throw failure.error;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pollMs, untilMs - performance.now())));
  }
}

/** Waits until all messages have arrived, but at most 15 s. */
async function drained({ flows, publishers, failure }: Running): Promise<void> {
  const untilMs = performance.now() + drainMsMax;
  const isDone = (): boolean =>
    publishers.every((publisher) => publisher.idle) &&
    flows.every(({ published, receipts }) => receipts.every(({ received }) => received === published));
  while (!isDone() && performance.now() < untilMs) await pass(pollMs, failure);
}

function result(running: Running, seconds: number, generatorCpu: number): LoadResult {
  const { flows, measurements } = running;
  const receipts = flows.flatMap((flow) => flow.receipts);
  const published = sum(flows.map((flow) => flow.published));
  const expected = sum(flows.map((flow) => flow.published * flow.receipts.length));
  const delivered = sum(receipts.map(({ received }) => received));
  return {
    deliveredPerSecond: measurements.delivered / seconds,
    acknowledged: percentiles(measurements.acknowledged),
    endToEnd: percentiles(measurements.endToEnd),
    published,
    expected,
    delivered,
    lost: expected - delivered,
    duplicates: sum(receipts.map(({ duplicates }) => duplicates)),
    outOfOrder: sum(receipts.map(({ late }) => late)),
    generatorCpu,
  };
}

function percentiles(latencies: LatencyHistogram): Percentiles {
  return { p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
