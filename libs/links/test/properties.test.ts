import { generate, parser } from 'mqtt-packet';
import type { IPublishPacket } from 'mqtt-packet';
import { MalformedPacket, toLocal, toRemote } from '../src/remote/properties.ts';

/** Returns the properties of a PUBLISH with these bytes as its properties. */
function parsed(...bytes: readonly number[]): IPublishPacket['properties'] {
  const body = Buffer.from([0, 1, 0x74, bytes.length, ...bytes]);
  let packet: IPublishPacket | null = null;
  const packets = parser({ protocolVersion: 5 });
  packets.on('packet', (each) => (packet = each as IPublishPacket));
  packets.parse(Buffer.concat([Buffer.from([0x30, body.length]), body]));
  return packet!.properties;
}

const contentType = [0x03, 0, 1, 0x61];
const responseTopic = [0x08, 0, 1, 0x61];

test('valid properties pass, and the mark of the link is the last user property', () => {
  const properties = parsed(...contentType, ...responseTopic, 0x26, 0, 1, 0x6e, 0, 1, 0x76);
  expect(toLocal(properties, 'c/l')).toEqual({
    contentType: 'a',
    responseTopic: 'a',
    userProperties: [
      ['n', 'v'],
      ['mqtt-cluster-link', 'c/l'],
    ],
  });
});

test.each([
  ['Content Type twice', [...contentType, ...contentType]],
  ['Response Topic twice', [...responseTopic, ...responseTopic]],
  ['U+0000 in Content Type', [0x03, 0, 1, 0]],
])('%s is malformed', (_, bytes) => {
  const properties = parsed(...bytes);
  expect(() => toLocal(properties, 'c/l')).toThrow(MalformedPacket);
});

test('a message with 30,000 user properties of one name is encoded with all of them', () => {
  const userProperties = Array.from({ length: 30_000 }, (_, number) => ['n', `${number}`] as const);
  const properties = toRemote({ userProperties }, 'c/l', undefined);
  expect(properties.userProperties!['n']).toHaveLength(30_000);
  const bytes = generate(
    { cmd: 'publish', topic: 't', payload: '', qos: 0, retain: false, dup: false, properties },
    { protocolVersion: 5 },
  );
  expect(bytes.length).toBeGreaterThan(30_000);
});
