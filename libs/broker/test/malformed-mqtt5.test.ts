import { connect, open, startBroker } from './support/driver.ts';
import type { BrokerTarget, RawClient } from './support/driver.ts';
import { frame, properties, text, uint16, uint32 } from './support/packet-bytes.ts';
import type { Bytes } from './support/packet-bytes.ts';

let target: BrokerTarget;
let witness: RawClient;
beforeEach(async () => {
  target = await startBroker();
  witness = await connect(target, 'witness');
});
afterEach(() => target.stop());

/** The witness was not disturbed, and the broker still serves it. */
async function expectWitnessServed(): Promise<void> {
  await witness.settle();
  expect(witness.isClosed).toBe(false);
}

const surrogate = [0xed, 0xa0, 0x80];
const illFormed = [0x61, 0xff];
const nul = [0x61, 0x00];
const none = [0];

const malformed = 0x81;
const protocolError = 0x82;

type Case = [name: string, bytes: number[], reasonCode: number];

const publish = (topic: Bytes | string, ...rest: Bytes[]): number[] => frame(0x30, text(topic), ...rest);

const publishes: Case[] = [
  ['both QoS bits [5.0 MQTT-3.3.1-4]', frame(0x36, text('a'), uint16(1), none), malformed],
  ['DUP and QoS 0 [5.0 MQTT-3.3.1-2]', frame(0x38, text('a'), none), malformed],
  ['packet identifier 0 [5.0 MQTT-2.2.1-3]', frame(0x32, text('a'), uint16(0), none), protocolError],
  ['+ in the topic [5.0 MQTT-3.3.2-2] [5.0 MQTT-4.7.0-1]', publish('a/+', none), malformed],
  ['# in the topic [5.0 MQTT-3.3.2-2] [5.0 MQTT-4.7.0-1]', publish('#', none), malformed],
  ['neither topic nor alias [5.0 MQTT-4.7.3-1]', publish('', none), protocolError],
  [
    'ill-formed UTF-8 in the topic [5.0 MQTT-1.5.4-1] [5.0 MQTT-3.3.2-1]',
    publish(illFormed, none),
    malformed,
  ],
  ['a surrogate in the topic [5.0 MQTT-1.5.4-1] [5.0 MQTT-3.3.2-1]', publish(surrogate, none), malformed],
  ['U+0000 in the topic [5.0 MQTT-1.5.4-2] [5.0 MQTT-4.7.3-2]', publish(nul, none), malformed],
  ['topic alias 0 [5.0 MQTT-3.3.2-8]', publish('a', properties([35, 0, 0])), 0x94],
  ['a topic alias above the maximum [5.0 MQTT-3.3.2-9]', publish('a', properties([35, 0, 11])), 0x94],
  ['an alias that has no topic', publish('', properties([35, 0, 1])), protocolError],
  ['a Subscription Identifier [5.0 MQTT-3.3.4-6]', publish('a', properties([11, 1])), protocolError],
  [
    'a wildcard in the Response Topic [5.0 MQTT-3.3.2-14]',
    publish('a', properties([8, text('b/+')])),
    protocolError,
  ],
  ['an empty Response Topic', publish('a', properties([8, text('')])), protocolError],
  [
    'ill-formed UTF-8 in the Response Topic [5.0 MQTT-3.3.2-13]',
    publish('a', properties([8, text(illFormed)])),
    malformed,
  ],
  [
    'ill-formed UTF-8 in the Content Type [5.0 MQTT-3.3.2-19]',
    publish('a', properties([3, text(illFormed)])),
    malformed,
  ],
  [
    'U+0000 in the name of a User Property [5.0 MQTT-1.5.7-1]',
    publish('a', properties([38, text(nul), text('x')])),
    malformed,
  ],
  [
    'a surrogate in the value of a User Property [5.0 MQTT-1.5.7-1]',
    publish('a', properties([38, text('x'), text(surrogate)])),
    malformed,
  ],
  ['Payload Format Indicator 2', publish('a', properties([1, 2])), protocolError],
  ['a repeated Payload Format Indicator', publish('a', properties([1, 1], [1, 1])), protocolError],
  [
    'a repeated Message Expiry Interval',
    publish('a', properties([2, uint32(1)], [2, uint32(1)])),
    protocolError,
  ],
  ['a repeated Content Type', publish('a', properties([3, text('x')], [3, text('x')])), protocolError],
  ['a repeated Response Topic', publish('a', properties([8, text('x')], [8, text('x')])), protocolError],
  ['a repeated Correlation Data', publish('a', properties([9, text('x')], [9, text('x')])), protocolError],
  ['a repeated Topic Alias', publish('a', properties([35, 0, 1], [35, 0, 1])), protocolError],
  ['an unknown property', publish('a', properties([120, 1])), malformed],
  ['a property of CONNECT', publish('a', properties([17, uint32(1)])), malformed],
  ['a property that ends after the property length', publish('a', [3, 3, 0, 9], text('b')), malformed],
  ['a property length beyond the packet', publish('a', [100]), malformed],
  ['a padded property length [5.0 MQTT-1.5.5-1]', publish('a', [0x80, 0x00]), malformed],
  [
    'a property length of five bytes [5.0 MQTT-1.5.5-1]',
    publish('a', [0x80, 0x80, 0x80, 0x80, 0x01]),
    malformed,
  ],
  ['a padded remaining length [5.0 MQTT-1.5.5-1]', [0x30, 0x84, 0x00, ...text('a'), 0], malformed],
  ['a remaining length of five bytes', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01], malformed],
  ['a topic that ends after the packet', frame(0x30, [0, 9, 0x61]), malformed],
  ['a size above Maximum Packet Size [5.0 MQTT-3.2.2-15]', [0x30, 0x80, 0x80, 0x80, 0x01], 0x95],
];

const acknowledgements: Case[] = (
  [
    ['PUBACK', 0x40, '[5.0 MQTT-3.4.2-1]', 0x92, '[5.0 MQTT-2.1.3-1]'],
    ['PUBREC', 0x50, '[5.0 MQTT-3.5.2-1]', 0x92, '[5.0 MQTT-2.1.3-1]'],
    ['PUBREL', 0x62, '[5.0 MQTT-3.6.2-1]', 0x10, '[5.0 MQTT-2.1.3-1] [5.0 MQTT-3.6.1-1]'],
    ['PUBCOMP', 0x70, '[5.0 MQTT-3.7.2-1]', 0x10, '[5.0 MQTT-2.1.3-1]'],
  ] as const
).flatMap(([name, first, clause, otherCode, flagsClause]): Case[] => [
  [
    `${name} with a reason code of other packets ${clause}`,
    frame(first, uint16(1), [otherCode]),
    protocolError,
  ],
  [`${name} with an unknown reason code ${clause}`, frame(first, uint16(1), [0x7f]), protocolError],
  [`${name} with packet identifier 0 [5.0 MQTT-2.2.1-5]`, frame(first, uint16(0)), protocolError],
  [`${name} with wrong flags ${flagsClause}`, frame(first ^ 2, uint16(1)), malformed],
  [`${name} of one byte`, frame(first, [1]), malformed],
  [`${name} with bytes after its properties`, frame(first, uint16(1), [0], none, [1]), malformed],
  [`${name} with a property of PUBLISH`, frame(first, uint16(1), [0], properties([1, 1])), malformed],
  [
    `${name} with a repeated Reason String`,
    frame(first, uint16(1), [0], properties([31, text('x')], [31, text('x')])),
    protocolError,
  ],
]);

const subscribe = (filter: Bytes | string, options: number, ...props: Bytes[]): number[] =>
  frame(0x82, uint16(1), properties(...props), text(filter), [options]);

const subscriptions: Case[] = [
  ['SUBSCRIBE with wrong flags [5.0 MQTT-3.8.1-1]', frame(0x80, uint16(1), none, text('a'), [0]), malformed],
  ['SUBSCRIBE without a filter [5.0 MQTT-3.8.3-2]', frame(0x82, uint16(1), none), protocolError],
  ['SUBSCRIBE without options [5.0 MQTT-3.8.3-2]', frame(0x82, uint16(1), none, text('a')), malformed],
  [
    'SUBSCRIBE with packet identifier 0 [5.0 MQTT-2.2.1-3]',
    frame(0x82, uint16(0), none, text('a'), [0]),
    protocolError,
  ],
  ['ill-formed UTF-8 in a filter [5.0 MQTT-3.8.3-1]', subscribe(illFormed, 0), malformed],
  ['U+0000 in a filter [5.0 MQTT-4.7.3-2]', subscribe(nul, 0), malformed],
  ['an empty filter [5.0 MQTT-4.7.3-1]', subscribe('', 0), malformed],
  ['SUBSCRIBE with QoS 3', subscribe('a', 3), protocolError],
  ['reserved bits in the subscription options [5.0 MQTT-3.8.3-5]', subscribe('a', 0x40), malformed],
  ['Retain Handling 3', subscribe('a', 0x30), protocolError],
  ['No Local on a shared subscription [5.0 MQTT-3.8.3-4]', subscribe('$share/g/a', 4), protocolError],
  ['Subscription Identifier 0', subscribe('a', 0, [11, 0]), protocolError],
  ['a repeated Subscription Identifier', subscribe('a', 0, [11, 1], [11, 2]), protocolError],
  ['SUBSCRIBE with a property of PUBLISH', subscribe('a', 0, [1, 1]), malformed],
  ['the filter a# [5.0 MQTT-4.7.1-1]', subscribe('a#', 0), malformed],
  ['the filter #/a [5.0 MQTT-4.7.1-1]', subscribe('#/a', 0), malformed],
  ['the filter a+/b [5.0 MQTT-4.7.1-2]', subscribe('a+/b', 0), malformed],
  ['a shared subscription without a share name [5.0 MQTT-4.8.2-1]', subscribe('$share//a', 0), malformed],
  ['a shared subscription without a filter [5.0 MQTT-4.8.2-2]', subscribe('$share/g', 0), malformed],
  ['a wildcard in a share name [5.0 MQTT-4.8.2-2]', subscribe('$share/+/a', 0), malformed],
  ['UNSUBSCRIBE with wrong flags [5.0 MQTT-3.10.1-1]', frame(0xa0, uint16(1), none, text('a')), malformed],
  ['UNSUBSCRIBE without a filter [5.0 MQTT-3.10.3-2]', frame(0xa2, uint16(1), none), protocolError],
  [
    'UNSUBSCRIBE with packet identifier 0 [5.0 MQTT-2.2.1-3]',
    frame(0xa2, uint16(0), none, text('a')),
    protocolError,
  ],
  [
    'UNSUBSCRIBE with ill-formed UTF-8 [5.0 MQTT-3.10.3-1]',
    frame(0xa2, uint16(1), none, text(illFormed)),
    malformed,
  ],
  [
    'UNSUBSCRIBE with a Subscription Identifier',
    frame(0xa2, uint16(1), properties([11, 1]), text('a')),
    malformed,
  ],
];

const others: Case[] = [
  [
    'a second CONNECT [5.0 MQTT-3.1.0-2]',
    frame(0x10, text('MQTT'), [5, 2], uint16(0), none, text('c')),
    protocolError,
  ],
  ['PINGREQ with wrong flags [5.0 MQTT-2.1.3-1]', [0xc1, 0], malformed],
  ['PINGREQ with a body', frame(0xc0, [0]), malformed],
  ['DISCONNECT with wrong flags [5.0 MQTT-3.14.1-1]', [0xe1, 0], malformed],
  ['DISCONNECT with a reason code of servers [5.0 MQTT-3.14.2-1]', frame(0xe0, [0x8b]), protocolError],
  ['DISCONNECT with an unknown reason code [5.0 MQTT-3.14.2-1]', frame(0xe0, [0x01]), protocolError],
  [
    'DISCONNECT with a Session Expiry Interval, if that of CONNECT is 0',
    frame(0xe0, [0], properties([17, uint32(9)])),
    protocolError,
  ],
  [
    'DISCONNECT with a repeated Session Expiry Interval',
    frame(0xe0, [0], properties([17, uint32(0)], [17, uint32(0)])),
    protocolError,
  ],
  ['DISCONNECT with a Server Reference', frame(0xe0, [0], properties([28, text('x')])), malformed],
  ['AUTH with wrong flags [5.0 MQTT-3.15.1-1]', [0xf1, 0], malformed],
  ['AUTH without an Authentication Method in CONNECT', frame(0xf0, [0x18], none), protocolError],
  ['CONNACK, a packet of servers', frame(0x20, [0, 0], none), protocolError],
  ['SUBACK, a packet of servers', frame(0x90, uint16(1), none, [0]), protocolError],
  ['UNSUBACK, a packet of servers', frame(0xb0, uint16(1), none, [0]), protocolError],
  ['PINGRESP, a packet of servers', [0xd0, 0], protocolError],
  ['packet type 0', [0x00, 0], protocolError],
];

describe.each([
  ['PUBLISH', publishes],
  ['PUBACK, PUBREC, PUBREL and PUBCOMP', acknowledgements],
  ['SUBSCRIBE and UNSUBSCRIBE', subscriptions],
  ['other packets', others],
] as const)(
  '%s: the broker disconnects a client with a reason code [5.0 MQTT-4.13.1-1] for',
  (_packets, cases) => {
    test.each(cases)('%s', async (_name, bytes, reasonCode) => {
      const client = await connect(target, 'c', { protocolVersion: 5 });
      client.sendBytes(bytes, publish('after', none));
      await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode });
      await client.closed;
      // [5.0 MQTT-3.14.4-1]
      expect(client.packets.at(-1)?.cmd).toBe('disconnect');
      expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
      expect(
        target.port.inputKinds.filter((kind) => !['connect', 'disconnect', 'publishLocal'].includes(kind)),
      ).toEqual([]);
      await expectWitnessServed();
    });

    test.each(cases.filter(([name]) => !name.includes('padded')))(
      '%s, in a segment per byte',
      async (_name, bytes, reasonCode) => {
        const client = await connect(target, 'c', { protocolVersion: 5 });
        for (const byte of bytes) client.sendBytes([byte]);
        await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode });
        await client.closed;
      },
    );
  },
);

const connectBytes = (flags: number, props: Bytes[], ...payload: Bytes[]): number[] =>
  frame(0x10, text('MQTT'), [5, flags], uint16(0), properties(...props), ...payload);
const willBytes = (...props: Bytes[]): number[] =>
  connectBytes(0x06, [], text('c'), properties(...props), text('w'), text('x'));

const connects: Case[] = [
  ['the reserved flag [5.0 MQTT-3.1.2-3]', connectBytes(0x03, [], text('c')), malformed],
  [
    'wrong flags in the fixed header [5.0 MQTT-2.1.3-1]',
    [0x12, ...connectBytes(2, [], text('c')).slice(1)],
    -1,
  ],
  [
    'will QoS 3 [5.0 MQTT-3.1.2-12]',
    connectBytes(0x1e, [], text('c'), none, text('w'), text('x')),
    malformed,
  ],
  ['will QoS but no will [5.0 MQTT-3.1.2-11]', connectBytes(0x0a, [], text('c')), malformed],
  ['will retain but no will [5.0 MQTT-3.1.2-13]', connectBytes(0x22, [], text('c')), malformed],
  ['the Will Flag but no will [5.0 MQTT-3.1.2-9]', connectBytes(0x06, [], text('c')), malformed],
  ['the User Name Flag but no user name [5.0 MQTT-3.1.2-17]', connectBytes(0x82, [], text('c')), malformed],
  [
    'a user name but no User Name Flag [5.0 MQTT-3.1.2-16]',
    connectBytes(0x02, [], text('c'), text('u')),
    malformed,
  ],
  ['the Password Flag but no password [5.0 MQTT-3.1.2-19]', connectBytes(0x42, [], text('c')), malformed],
  [
    'a password but no Password Flag [5.0 MQTT-3.1.2-18]',
    connectBytes(0x82, [], text('c'), text('u'), text('p')),
    malformed,
  ],
  [
    'ill-formed UTF-8 in the client identifier [5.0 MQTT-3.1.3-4]',
    connectBytes(0x02, [], text(illFormed)),
    malformed,
  ],
  [
    'ill-formed UTF-8 in the will topic [5.0 MQTT-3.1.3-11]',
    connectBytes(0x06, [], text('c'), none, text(illFormed), text('x')),
    malformed,
  ],
  [
    'ill-formed UTF-8 in the user name [5.0 MQTT-3.1.3-12]',
    connectBytes(0x82, [], text('c'), text(illFormed)),
    malformed,
  ],
  ['no client identifier [5.0 MQTT-3.1.3-3]', connectBytes(0x02, []), malformed],
  [
    'a wildcard in the will topic',
    connectBytes(0x06, [], text('c'), none, text('w/#'), text('x')),
    malformed,
  ],
  ['a property of the will in CONNECT', connectBytes(0x02, [[24, uint32(1)]], text('c')), malformed],
  ['a property of CONNECT in the will', willBytes([17, uint32(1)]), malformed],
  ['a repeated property of the will', willBytes([24, uint32(1)], [24, uint32(1)]), protocolError],
  [
    'a repeated Session Expiry Interval',
    connectBytes(
      0x02,
      [
        [17, uint32(1)],
        [17, uint32(1)],
      ],
      text('c'),
    ),
    protocolError,
  ],
  ['Receive Maximum 0', connectBytes(0x02, [[33, 0, 0]], text('c')), protocolError],
  ['Maximum Packet Size 0', connectBytes(0x02, [[39, uint32(0)]], text('c')), protocolError],
  ['Request Problem Information 2', connectBytes(0x02, [[23, 2]], text('c')), protocolError],
  ['Request Response Information 2', connectBytes(0x02, [[25, 2]], text('c')), protocolError],
  ['Authentication Data but no method', connectBytes(0x02, [[22, text('x')]], text('c')), protocolError],
  [
    'an Authentication Method [5.0 MQTT-4.12.0-1]',
    connectBytes(0x02, [[21, text('SCRAM')]], text('c')),
    0x8c,
  ],
  ['bytes after its last field', connectBytes(0x02, [], text('c'), [1]), malformed],
  [
    'a client identifier above the bound [5.0 MQTT-3.1.3-8]',
    connectBytes(0x02, [], text('c'.repeat(257))),
    0x85,
  ],
];

describe('CONNECT: the broker sends CONNACK with a reason code and closes the connection [5.0 MQTT-3.1.4-1] [5.0 MQTT-3.2.2-7] [5.0 MQTT-4.13.2-1] for', () => {
  test.each(connects)('%s', async (_name, bytes, reasonCode) => {
    const client = open(target, 5);
    // [5.0 MQTT-3.1.4-6]: what follows a refused CONNECT is not handled.
    client.sendBytes(bytes, publish('a', none));
    await client.closed;
    if (reasonCode < 0) expect(client.packets).toEqual([]);
    else {
      // [5.0 MQTT-3.14.0-1]: no DISCONNECT before an accepting CONNACK; [5.0 MQTT-3.2.2-6]: Session Present is 0.
      expect(client.packets).toMatchObject([{ cmd: 'connack', reasonCode, sessionPresent: false }]);
    }
    expect(target.port.inputKinds.filter((kind) => kind === 'connect')).toHaveLength(1); // the witness
    await expectWitnessServed();
  });
});
