import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { generate } from 'mqtt-packet';
import type { Packet, UserProperties } from 'mqtt-packet';
import { randomBytes } from '../mutation/mutate.ts';
import {
  attackPassword,
  attackPrefix,
  attackUsers,
  foreignClients,
  foreignFilters,
  foreignTopics,
  witnessUser,
} from './attack-access.ts';

export type Version = 3 | 4 | 5;

const qosLevels = [0, 1, 2] as const;
const payloadBytesMax = 4_096;
const clients = 20;
/**
 * Part of the topics and clients of an attack that belong to others. Small, because MQTT 3.1.1 closes the connection after a
 * denied publish and the rest of the sequence is lost.
 */
const foreignShare = 0.08;

/** Returns the bytes of one valid packet of a client. */
export function validPacket(random: Random, version: Version): Buffer {
  return generate(pick(random, makers)(random, version), { protocolVersion: version });
}

/** Returns a valid CONNECT. The client ids repeat, so that the connections of an attack take each other over. */
export function connectPacket(random: Random, version: Version): Buffer {
  const willed = random() < 0.3;
  const properties =
    version < 5
      ? {}
      : {
          properties: {
            sessionExpiryInterval: pick(random, [0, 1, 5, 60]),
            receiveMaximum: pick(random, [1, 2, 100, 65_535]),
            ...(random() < 0.3 && { maximumPacketSize: pick(random, [64, 1_000, 100_000]) }),
            ...(random() < 0.3 && { topicAliasMaximum: pick(random, [0, 1, 10]) }),
            ...(random() < 0.3 && { userProperties: userProperties(random) }),
          },
        };
  return generate(
    {
      cmd: 'connect',
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version,
      clientId: clientId(random),
      clean: random() < 0.5,
      keepalive: pick(random, [0, 1, 10, 65_535]),
      ...login(random),
      ...(willed && {
        will: {
          topic: topicName(random),
          payload: randomBytes(random, between(random, 0, 100)),
          qos: pick(random, qosLevels),
          retain: false,
        },
      }),
      ...properties,
    } as Packet,
    { protocolVersion: version },
  );
}

type Maker = (random: Random, version: Version) => Packet;

const publish: Maker = (random, version) => {
  const qos = pick(random, qosLevels);
  return {
    cmd: 'publish',
    topic: topicName(random),
    payload: randomBytes(
      random,
      random() < 0.1 ? between(random, 0, payloadBytesMax) : between(random, 0, 64),
    ),
    qos,
    dup: qos > 0 && random() < 0.2,
    // A fuzzed topic must not leave retained messages without bound, so few topics are retained.
    retain: random() < 0.1,
    messageId: packetId(random),
    ...(version === 5 && {
      properties: {
        ...(random() < 0.3 && { messageExpiryInterval: pick(random, [0, 1, 60, 0xffffffff]) }),
        ...(random() < 0.3 && { topicAlias: pick(random, [1, 2, 10, 11, 65_535]) }),
        ...(random() < 0.3 && { userProperties: userProperties(random) }),
        ...(random() < 0.2 && { correlationData: randomBytes(random, 8), responseTopic: topicName(random) }),
        ...(random() < 0.2 && { payloadFormatIndicator: true, contentType: text(random) }),
      },
    }),
  };
};

const makers: readonly Maker[] = [
  publish,
  publish,
  publish,
  (random, version) => ({
    cmd: 'subscribe',
    messageId: packetId(random),
    subscriptions: Array.from({ length: between(random, 1, 4) }, () => ({
      topic: topicFilter(random),
      qos: pick(random, qosLevels),
      ...(version === 5 && { nl: random() < 0.2, rap: random() < 0.5, rh: pick(random, qosLevels) }),
    })),
  }),
  (random) => ({ cmd: 'unsubscribe', messageId: packetId(random), unsubscriptions: [topicFilter(random)] }),
  (random) => ({ cmd: 'puback', messageId: packetId(random) }),
  (random) => ({ cmd: 'pubrec', messageId: packetId(random) }),
  (random) => ({ cmd: 'pubrel', messageId: packetId(random) }),
  (random) => ({ cmd: 'pubcomp', messageId: packetId(random) }),
  () => ({ cmd: 'pingreq' }),
  () => ({ cmd: 'disconnect' }),
];

function packetId(random: Random): number {
  return random() < 0.9 ? between(random, 1, 20) : between(random, 1, 65_535);
}

function clientId(random: Random): string {
  return random() < foreignShare
    ? pick(random, foreignClients)
    : `${attackPrefix}-${between(random, 1, clients)}`;
}

/** Most clients have no user, because a wrong password soon closes the listeners to the address of the attack. */
function login(random: Random): { readonly username?: string; readonly password?: Buffer } {
  const kind = random();
  if (kind < 0.5) return {};
  if (kind < 0.9) return { username: pick(random, attackUsers), password: Buffer.from(attackPassword) };
  return {
    username: pick(random, [text(random), witnessUser]),
    password: pick(random, [Buffer.from(attackPassword), randomBytes(random, between(random, 0, 20))]),
  };
}

function topicName(random: Random): string {
  if (random() < foreignShare) return pick(random, foreignTopics);
  const levels = Array.from({ length: between(random, 1, 4) }, () =>
    pick(random, ['a', 'b', 'c', '', text(random)]),
  );
  return `${attackPrefix}/${levels.join('/')}`;
}

function topicFilter(random: Random): string {
  const filter =
    random() < foreignShare
      ? pick(random, foreignFilters)
      : random() < 0.3
        ? `${attackPrefix}/#`
        : topicName(random).replace(/[ab]/, '+');
  return random() < 0.2 ? `$share/${pick(random, ['g', 'h'])}/${filter}` : filter;
}

function text(random: Random): string {
  return pick(random, ['x', 'äöü', '日本', '😀', 'a'.repeat(between(random, 1, 200))]);
}

function userProperties(random: Random): UserProperties {
  return { [text(random)]: [text(random), text(random)] };
}
