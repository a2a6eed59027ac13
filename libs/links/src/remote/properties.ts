import type { MessageProperties } from '@mqtt-cluster/contracts';
import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import { hopProperty } from '../names.ts';

/** Returns the number of links that a message has passed. */
export function hopsOf(properties: MessageProperties | undefined): number {
  return properties?.userProperties?.filter(([name]) => name === hopProperty).length ?? 0;
}

/** Returns the properties of a message for the other broker, with the mark of this link. */
export function toRemote(
  properties: MessageProperties = {},
  mark: string,
  expirySeconds: number | undefined,
): NonNullable<IPublishPacket['properties']> {
  const {
    userProperties = [],
    payloadFormatIndicator,
    contentType,
    responseTopic,
    correlationData,
  } = properties;
  const user = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of [...userProperties, [hopProperty, mark] as const])
    (user[name] ??= []).push(value);
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
    ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
    userProperties: user as UserProperties,
  };
}

/** A packet whose content the standard does not allow. */
export class MalformedPacket extends Error {}

/**
 * Returns the properties of a message of the other broker for the cluster, with the mark of this link.
 * @throws MalformedPacket when a property is repeated or incomplete: the parser of packets accepts these
 */
export function toLocal(properties: IPublishPacket['properties'], mark: string): MessageProperties {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData } =
    properties ?? {};
  check('Payload Format Indicator', payloadFormatIndicator, (value) => typeof value === 'boolean');
  check('Message Expiry Interval', messageExpiryInterval, (value) => Number.isInteger(value));
  check('Content Type', contentType, isText);
  check('Response Topic', responseTopic, isText);
  check('Correlation Data', correlationData, (value) => value instanceof Uint8Array);
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    // The parser's buffer is a view of all bytes that were read.
    ...(correlationData !== undefined && { correlationData: Uint8Array.from(correlationData) }),
    userProperties: [...userPairs(properties), [hopProperty, mark]],
  };
}

function userPairs(properties: IPublishPacket['properties']): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const [name, value] of Object.entries(properties?.userProperties ?? {})) {
    for (const each of Array.isArray(value) ? value : [value]) {
      check('User Property', [name, each], (pair) => (pair as unknown[]).every(isText));
      pairs.push([name, each]);
    }
  }
  return pairs;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0');
}

function check(name: string, value: unknown, isValid: (value: unknown) => boolean): void {
  if (value !== undefined && !isValid(value))
    throw new MalformedPacket(`the property ${name} is repeated, incomplete or not allowed`);
}
