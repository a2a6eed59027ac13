import type { QoS } from '@mqtt-cluster/contracts';
import { TelemetryStream } from '../src/telemetry-stream.ts';
import type { CounterName } from '../src/telemetry-stream.ts';

interface Sent {
  readonly number: number;
  readonly retain: boolean;
  readonly ack: () => void;
  readonly reject: (code: string) => void;
}

function stream(
  qos: QoS,
  unackedMax = 10,
): { stream: TelemetryStream; sent: Sent[]; counts: CounterName[]; next: () => Promise<void> } {
  const sent: Sent[] = [];
  const counts: CounterName[] = [];
  let notify: (() => void) | null = null;
  const made = new TelemetryStream({
    group: 'g',
    signal: 's',
    qos,
    position: { run: 'r', lastNumber: 7 },
    unackedMax,
    refusedRetryDelayMs: 0,
    value: (_signal, number) => number,
    isConnected: () => true,
    publish: (_topic, payload, { retain }) =>
      new Promise((resolve, reject) => {
        const { number } = JSON.parse(payload) as { number: number };
        const fail = (code: string): void => reject(Object.assign(new Error(code), { code }));
        sent.push({ number, retain, ack: resolve, reject: fail });
        notify?.();
      }),
    count: (name) => counts.push(name),
    onAck: () => undefined,
  });
  return { stream: made, sent, counts, next: () => new Promise((resolve) => (notify = resolve)) };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('a telemetry stream continues after the last number', () => {
  const { stream: made, sent } = stream(1);
  made.emit();
  made.emit();
  expect(sent.map(({ number }) => number)).toEqual([8, 9]);
});

test('a telemetry stream skips a message at unackedMax without using a number', async () => {
  const { stream: made, sent, counts } = stream(2, 1);
  made.emit();
  made.emit();
  sent[0]?.ack();
  await settled();
  made.emit();
  expect(sent.map(({ number }) => number)).toEqual([8, 9]);
  expect(counts).toEqual(['sent', 'skipped', 'acked', 'sent']);
});

test('a telemetry stream sends rejected messages again before new messages, and retains them only above the highest acknowledged number', async () => {
  const { stream: made, sent, next } = stream(1);
  for (let emitted = 0; emitted < 3; emitted += 1) made.emit();
  const again = next();
  sent[0]?.reject('PUBLISH_REFUSED');
  sent[1]?.ack();
  await settled();
  made.emit();
  expect(sent).toHaveLength(3);
  sent[2]?.reject('PUBLISH_REFUSED');
  await again;
  await settled();
  expect(sent.slice(3).map(({ number, retain }) => [number, retain])).toEqual([
    [8, false],
    [10, true],
  ]);
});

test('a telemetry stream counts a message as unknown when the client stops, and does not send the message again', async () => {
  const { stream: made, sent, counts } = stream(2);
  made.emit();
  sent[0]?.reject('CLIENT_STOPPED');
  await settled();
  expect(counts).toEqual(['sent', 'unknown']);
  expect(sent).toHaveLength(1);
});
