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
  const user: UserProperties = Object.create(null) as UserProperties;
  for (const [name, value] of [...userProperties, [hopProperty, mark] as const]) {
    const former = user[name];
    user[name] = former === undefined ? value : [...(Array.isArray(former) ? former : [former]), value];
  }
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
    ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
    userProperties: user,
  };
}

/** Returns the properties of a message of the other broker for the cluster, with the mark of this link. */
export function toLocal(properties: IPublishPacket['properties'], mark: string): MessageProperties {
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(properties?.userProperties ?? {}))
    for (const each of Array.isArray(value) ? value : [value]) pairs.push([name, each]);
  pairs.push([hopProperty, mark]);
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData } =
    properties ?? {};
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    // The parser's buffer is a view of all bytes that were read.
    ...(correlationData !== undefined && { correlationData: Uint8Array.from(correlationData) }),
    userProperties: pairs,
  };
}
