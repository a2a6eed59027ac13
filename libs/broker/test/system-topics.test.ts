import type { ClientPort, Message } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { newCounters } from '../src/counters.ts';
import { LoadAverage } from '../src/load-average.ts';
import type { BrokerOptions } from '../src/options.ts';
import { SystemTopics } from '../src/system-topics.ts';

/** Creates system topics whose `publish` returns the published values by topic. */
function recordingTopics(options: Partial<BrokerOptions>) {
  const published: Message[] = [];
  const port = { publishLocal: (message: Message) => published.push(message) } as unknown as ClientPort;
  let nowMs = 5_000;
  const topics = new SystemTopics(
    { memberId: 'a', port, listeners: [], logger: silentLogger, ...options },
    () => nowMs,
  );
  const counters = newCounters();
  const publish = (clients: number): Map<string, string> => {
    published.length = 0;
    topics.publish(counters, clients);
    for (const { qos, retain } of published) expect([qos, retain]).toEqual([0, true]);
    return new Map(published.map(({ topic, payload }) => [topic, Buffer.from(payload).toString()]));
  };
  const pass = (milliseconds: number): void => {
    nowMs += milliseconds;
  };
  return { counters, publish, pass };
}

test('the broker publishes every ten seconds only the counters that changed', () => {
  const { counters, publish, pass } = recordingTopics({ version: '1.2.3' });
  const first = publish(1);
  expect(first.get('$SYS/broker/version')).toBe('1.2.3');
  expect(first.get('$SYS/broker/uptime')).toBe('0 seconds');
  expect(first.get('$SYS/broker/clients/connected')).toBe('1');
  counters.publishesReceived[0] = 2;
  counters.publishesReceived[2] = 3;
  counters.packetsReceived = 7;
  counters.clientsMaximum = 4;
  counters.publishBytesSent = 90;
  pass(9_999);
  expect(publish(2)).toEqual(new Map());
  pass(1);
  const second = publish(2);
  const figures = [...second].filter(([topic]) => !topic.includes('/load/'));
  expect(Object.fromEntries(figures)).toEqual({
    '$SYS/broker/uptime': '10 seconds',
    '$SYS/broker/clients/connected': '2',
    '$SYS/broker/clients/active': '2',
    '$SYS/broker/clients/maximum': '4',
    '$SYS/broker/messages/received': '7',
    '$SYS/broker/publish/messages/received': '5',
    '$SYS/broker/publish/bytes/sent': '90',
  });
});

test('the broker publishes a changed $SYS/cluster value at the next publish(), but other values every ten seconds', () => {
  let state = 'serving';
  let retained = 1;
  const { publish, pass } = recordingTopics({
    members: () => `["${state}"]`,
    systemValues: () => ({
      '$SYS/cluster/state': state,
      '$SYS/broker/retained messages/count': String(retained),
    }),
  });
  const first = publish(0);
  expect(first.get('$SYS/cluster/state')).toBe('serving');
  expect(first.get('$SYS/broker/retained messages/count')).toBe('1');
  state = 'isolated';
  retained = 2;
  pass(1_000);
  expect(Object.fromEntries(publish(0))).toEqual({
    '$SYS/cluster/members': '["isolated"]',
    '$SYS/cluster/state': 'isolated',
  });
  pass(9_000);
  expect(publish(0).get('$SYS/broker/retained messages/count')).toBe('2');
});

test('the broker publishes the load of opened sockets and of dropped messages, as mosquitto does', () => {
  let dropped = 0;
  const { counters, publish, pass } = recordingTopics({ droppedMessages: () => dropped });
  publish(0);
  counters.connectionsOpened = 6;
  dropped = 12;
  pass(60_000);
  const values = publish(0);
  const load = (what: string): number => Number(values.get(`$SYS/broker/load/${what}/1min`));
  expect(load('sockets')).toBeCloseTo(6 * (1 - Math.exp(-1)), 1);
  expect(load('publish/dropped')).toBeCloseTo(12 * (1 - Math.exp(-1)), 1);
});

test('load averages converge to the event rate per minute', () => {
  const average = new LoadAverage();
  let total = 0;
  const pass = (perInterval: number, intervals: number): Record<string, number> => {
    for (let count = 0; count < intervals; count++) average.advance((total += perInterval), 10_000);
    return Object.fromEntries(average.entries());
  };
  // Ten events in each of six 10 s intervals are 60 events a minute; first for one minute, then for one hour.
  const minute = pass(10, 6);
  expect(minute['1min']).toBeCloseTo(60 * (1 - Math.exp(-1)));
  expect(minute['5min']).toBeCloseTo(60 * (1 - Math.exp(-1 / 5)));
  const hour = pass(10, 360);
  for (const window of ['1min', '5min', '15min']) expect(Math.abs(hour[window]! - 60)).toBeLessThan(2);
  const quiet = pass(0, 60);
  expect(quiet['1min']!).toBeLessThan(0.01);
  expect(quiet['15min']!).toBeGreaterThan(20);
});
