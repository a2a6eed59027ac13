import type { ByteReader } from './byte-reader.ts';
import { malformed, protocolError } from './packet-error.ts';

/** The MQTT 5 properties that a client may send (MQTT 5, 2.2.2.2). */
export interface Properties {
  payloadFormatIndicator?: number;
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Buffer;
  subscriptionIdentifier?: number;
  sessionExpiryInterval?: number;
  authenticationMethod?: string;
  authenticationData?: Buffer;
  requestProblemInformation?: number;
  willDelayInterval?: number;
  requestResponseInformation?: number;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumPacketSize?: number;
  /** In the sender's order; names may repeat. */
  userProperties?: [string, string][];
}

type Type = 'flag' | 'uint16' | 'uint32' | 'variableInteger' | 'string' | 'binary';
type Name = Exclude<keyof Properties, 'userProperties'>;

const userProperty = 38;
const definitions = new Map<number, { readonly name: Name; readonly type: Type }>([
  [1, { name: 'payloadFormatIndicator', type: 'flag' }],
  [2, { name: 'messageExpiryInterval', type: 'uint32' }],
  [3, { name: 'contentType', type: 'string' }],
  [8, { name: 'responseTopic', type: 'string' }],
  [9, { name: 'correlationData', type: 'binary' }],
  [11, { name: 'subscriptionIdentifier', type: 'variableInteger' }],
  [17, { name: 'sessionExpiryInterval', type: 'uint32' }],
  [21, { name: 'authenticationMethod', type: 'string' }],
  [22, { name: 'authenticationData', type: 'binary' }],
  [23, { name: 'requestProblemInformation', type: 'flag' }],
  [24, { name: 'willDelayInterval', type: 'uint32' }],
  [25, { name: 'requestResponseInformation', type: 'flag' }],
  [31, { name: 'reasonString', type: 'string' }],
  [33, { name: 'receiveMaximum', type: 'uint16' }],
  [34, { name: 'topicAliasMaximum', type: 'uint16' }],
  [35, { name: 'topicAlias', type: 'uint16' }],
  [39, { name: 'maximumPacketSize', type: 'uint32' }],
]);

/** Which properties a packet from a client may carry besides User Property (MQTT 5, table 2-4). */
export const allowedProperties = {
  connect: new Set([17, 21, 22, 23, 25, 33, 34, 39]),
  will: new Set([1, 2, 3, 8, 9, 24]),
  publish: new Set([1, 2, 3, 8, 9, 35]),
  subscribe: new Set([11]),
  unsubscribe: new Set<number>(),
  acknowledgement: new Set([31]),
  disconnect: new Set([17, 31]),
} as const;

/** Zero is a protocol error for these (MQTT 5, 3.1.2.11.3, 3.1.2.11.4, 3.8.2.1.2). */
const neverZero: ReadonlySet<Name> = new Set([
  'receiveMaximum',
  'maximumPacketSize',
  'subscriptionIdentifier',
] as const);

/** @returns undefined when there are none. */
export function readProperties(reader: ByteReader, allowed: ReadonlySet<number>): Properties | undefined {
  const length = reader.variableInteger();
  if (length === 0) return undefined;
  const remainingAfter = reader.remaining - length;
  if (remainingAfter < 0) throw malformed('properties longer than their packet');
  const properties: Properties = {};
  while (reader.remaining > remainingAfter) {
    const identifier = reader.variableInteger();
    if (identifier === userProperty) {
      (properties.userProperties ??= []).push([reader.string(), reader.string()]);
    } else {
      readOne(reader, identifier, allowed, properties);
    }
  }
  if (reader.remaining !== remainingAfter) throw malformed('a property crosses the end of the properties');
  return properties;
}

function readOne(
  reader: ByteReader,
  identifier: number,
  allowed: ReadonlySet<number>,
  properties: Properties,
): void {
  const definition = definitions.get(identifier);
  if (!definition) throw malformed(`property ${identifier} is unknown`);
  const { name, type } = definition;
  if (!allowed.has(identifier)) throw protocolError(`${name} does not belong into this packet`);
  if (properties[name] !== undefined) throw protocolError(`${name} is there twice`);
  const value = readValue(reader, type);
  if (value === 0 && neverZero.has(name)) throw protocolError(`${name} is 0`);
  Object.assign(properties, { [name]: value });
}

function readValue(reader: ByteReader, type: Type): number | string | Buffer {
  switch (type) {
    case 'flag': {
      const value = reader.byte();
      if (value > 1) throw protocolError('a property that is 0 or 1 is neither');
      return value;
    }
    case 'uint16':
      return reader.uint16();
    case 'uint32':
      return reader.uint32();
    case 'variableInteger':
      return reader.variableInteger();
    case 'string':
      return reader.string();
    case 'binary':
      return reader.binary();
  }
}
