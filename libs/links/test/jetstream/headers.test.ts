import { fromHeaders, toHeaders } from '../../src/jetstream/headers.ts';

const properties = {
  payloadFormatIndicator: true,
  contentType: 'text/plain; name=π\r\nX: y',
  responseTopic: 'a/b',
  correlationData: Uint8Array.from([0, 255]),
  messageExpiryInterval: 60,
  userProperties: [
    ['a b', '=1'],
    ['a b', ''],
    ['c:', 'd\r\nNats-Rollup: all'],
  ] as const,
};

test('the headers of a message restore its properties, without the time that it was in the stream', () => {
  const headers = toHeaders({ qos: 1, retain: true, properties });
  expect(fromHeaders(headers, 10.5)).toEqual({
    qos: 1,
    retain: true,
    properties: { ...properties, messageExpiryInterval: 50 },
  });
  expect(fromHeaders(headers, 100).properties.messageExpiryInterval).toBe(0);
});

test('a property adds no header of its own', () => {
  const headers = toHeaders({ qos: 1, retain: false, properties });
  expect([...headers.keys()].filter((name) => !name.startsWith('Mqtt-'))).toEqual([]);
});

test('a message of another program has no properties, and what cannot be read counts as absent', () => {
  expect(fromHeaders(undefined, 0)).toEqual({ qos: 2, retain: false, properties: { userProperties: [] } });
  const headers = toHeaders({ qos: 0, retain: false, properties: {} });
  headers.set('Mqtt-Content-Type', '%zz');
  headers.set('Mqtt-Message-Expiry-Seconds', '-1');
  headers.append('Mqtt-User-Property', 'a=%00');
  headers.append('Mqtt-User-Property', 'a');
  expect(fromHeaders(headers, 0)).toEqual({ qos: 0, retain: false, properties: { userProperties: [] } });
});
