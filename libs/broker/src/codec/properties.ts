import type { MessageProperties } from '@mqtt-cluster/contracts';
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
  /** In the client's order. A name may occur more than once. */
  userProperties?: [string, string][];
}

type Type = 'flag' | 'uint16' | 'uint32' | 'variableByteInteger' | 'utf8String' | 'binaryData';
type Name = Exclude<keyof Properties, 'userProperties'>;

const userProperty = 38;
const definitions = new Map<number, { readonly name: Name; readonly type: Type }>([
  [1, { name: 'payloadFormatIndicator', type: 'flag' }],
  [2, { name: 'messageExpiryInterval', type: 'uint32' }],
  [3, { name: 'contentType', type: 'utf8String' }],
  [8, { name: 'responseTopic', type: 'utf8String' }],
  [9, { name: 'correlationData', type: 'binaryData' }],
  [11, { name: 'subscriptionIdentifier', type: 'variableByteInteger' }],
  [17, { name: 'sessionExpiryInterval', type: 'uint32' }],
  [21, { name: 'authenticationMethod', type: 'utf8String' }],
  [22, { name: 'authenticationData', type: 'binaryData' }],
  [23, { name: 'requestProblemInformation', type: 'flag' }],
  [24, { name: 'willDelayInterval', type: 'uint32' }],
  [25, { name: 'requestResponseInformation', type: 'flag' }],
  [31, { name: 'reasonString', type: 'utf8String' }],
  [33, { name: 'receiveMaximum', type: 'uint16' }],
  [34, { name: 'topicAliasMaximum', type: 'uint16' }],
  [35, { name: 'topicAlias', type: 'uint16' }],
  [39, { name: 'maximumPacketSize', type: 'uint32' }],
]);

/**
 * Identifiers of the properties that each client packet may contain besides User Property (MQTT 5, table
 * 2-4).
 */
export const allowedProperties = {
  connect: new Set([17, 21, 22, 23, 25, 33, 34, 39]),
  will: new Set([1, 2, 3, 8, 9, 24]),
  publish: new Set([1, 2, 3, 8, 9, 35]),
  subscribe: new Set([11]),
  unsubscribe: new Set<number>(),
  acknowledgement: new Set([31]),
  disconnect: new Set([17, 31]),
} as const;

/** The value 0 of these properties is a protocol error (MQTT 5, 3.1.2.11.3, 3.1.2.11.4, 3.8.2.1.2). */
const neverZero: ReadonlySet<Name> = new Set([
  'receiveMaximum',
  'maximumPacketSize',
  'subscriptionIdentifier',
] as const);

/**
 * The only property that a packet type may have, but not when a client sends it: Subscription Identifier in
 * PUBLISH [5.0 MQTT-3.3.4-6].
 */
const serverPublishProperty = 11;

/**
 * Reads the property length and the properties. Returns undefined when the packet has no properties.
 *
 * @throws PacketError for an unknown, repeated, misplaced or invalid property
 */
export function readProperties(reader: ByteReader, allowed: ReadonlySet<number>): Properties | undefined {
  const length = reader.variableByteInteger();
  if (length === 0) return undefined;
  const remainingAfter = reader.remaining - length;
  if (remainingAfter < 0) throw malformed('the properties are longer than the packet');
  const properties: Properties = {};
  while (reader.remaining > remainingAfter) {
    const identifier = reader.variableByteInteger();
    if (identifier === userProperty) {
      (properties.userProperties ??= []).push([reader.utf8String(), reader.utf8String()]);
    } else {
      readOne(reader, identifier, allowed, properties);
    }
  }
  if (reader.remaining !== remainingAfter) throw malformed('a property exceeds the property length');
  return properties;
}

function readOne(
  reader: ByteReader,
  identifier: number,
  allowed: ReadonlySet<number>,
  properties: Properties,
): void {
  const definition = definitions.get(identifier);
  if (!definition) throw malformed(`the property ${identifier} is unknown`);
  const { name, type } = definition;
  if (!allowed.has(identifier)) {
    const text = `the property ${name} is not allowed in this packet`;
    const isServerProperty = identifier === serverPublishProperty && allowed === allowedProperties.publish;
    throw isServerProperty ? protocolError(text) : malformed(text); // MQTT 5, 2.2.2.2
  }
  if (properties[name] !== undefined) throw protocolError(`the property ${name} is repeated`);
  const value = readValue(reader, type);
  if (value === 0 && neverZero.has(name)) throw protocolError(`the property ${name} is 0`);
  Object.assign(properties, { [name]: value });
}

function readValue(reader: ByteReader, type: Type): number | string | Buffer {
  switch (type) {
    case 'flag': {
      const value = reader.byte();
      if (value > 1) throw protocolError('a boolean property is neither 0 nor 1');
      return value;
    }
    case 'uint16':
      return reader.uint16();
    case 'uint32':
      return reader.uint32();
    case 'variableByteInteger':
      return reader.variableByteInteger();
    case 'utf8String':
      return reader.utf8String();
    case 'binaryData':
      return reader.binaryData();
  }
}

/**
 * Returns the properties of a PUBLISH or will that belong to the message, or undefined if there are none.
 * Copies binary data, because the message outlives the received chunk.
 *
 * @throws PacketError when the response topic is empty or contains a wildcard
 */
export function messageProperties(properties: Properties): MessageProperties | undefined {
  const result: { -readonly [Key in keyof MessageProperties]: MessageProperties[Key] } = {};
  let any = false;
  if (properties.payloadFormatIndicator !== undefined) {
    result.payloadFormatIndicator = properties.payloadFormatIndicator === 1;
    any = true;
  }
  if (properties.messageExpiryInterval !== undefined) {
    result.messageExpiryInterval = properties.messageExpiryInterval;
    any = true;
  }
  if (properties.contentType !== undefined) {
    result.contentType = properties.contentType;
    any = true;
  }
  if (properties.responseTopic !== undefined) {
    if (/[+#]/.test(properties.responseTopic) || properties.responseTopic.length === 0) {
      throw protocolError('the response topic is empty or contains a wildcard'); // [MQTT-3.3.2-14]
    }
    result.responseTopic = properties.responseTopic;
    any = true;
  }
  if (properties.correlationData !== undefined) {
    result.correlationData = Buffer.from(properties.correlationData);
    any = true;
  }
  if (properties.userProperties !== undefined) {
    result.userProperties = properties.userProperties;
    any = true;
  }
  return any ? result : undefined;
}
