import type { MessageProperties, QoS } from '@mqtt-cluster/contracts';
import { headers } from '@nats-io/transport-node';
import type { MsgHdrs } from '@nats-io/transport-node';

/**
 * Headers of a message in a stream. The properties of MQTT have one each, so that a link at the other end restores them.
 * Names and values of user properties are URI components, because a header holds no line breaks.
 */
const names = {
  qos: 'Mqtt-Qos',
  retain: 'Mqtt-Retain',
  payloadFormat: 'Mqtt-Payload-Format',
  contentType: 'Mqtt-Content-Type',
  responseTopic: 'Mqtt-Response-Topic',
  correlationData: 'Mqtt-Correlation-Data',
  expiry: 'Mqtt-Message-Expiry-Seconds',
  userProperty: 'Mqtt-User-Property',
} as const;

/** The session of the link that has stored the message: the link does not publish its own messages. */
const sessionHeader = 'Mqtt-Cluster-Session';

export function setSession(made: MsgHdrs, session: string): void {
  made.set(sessionHeader, session);
}

export function sessionOf(found: MsgHdrs | undefined): string {
  return found?.get(sessionHeader) ?? '';
}

/** Sets what is left of the Message Expiry Interval. */
export function setExpiry(made: MsgHdrs, seconds: number): void {
  made.set(names.expiry, String(seconds));
}

/** The part of a message that its headers hold. */
export interface HeaderContent {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: MessageProperties;
}

export function toHeaders({ qos, retain, properties }: HeaderContent): MsgHdrs {
  const made = headers();
  const { payloadFormatIndicator, contentType, responseTopic, correlationData } = properties;
  made.set(names.qos, String(qos));
  if (retain) made.set(names.retain, '1');
  if (payloadFormatIndicator !== undefined) made.set(names.payloadFormat, payloadFormatIndicator ? '1' : '0');
  if (contentType !== undefined) made.set(names.contentType, encodeURIComponent(contentType));
  if (responseTopic !== undefined) made.set(names.responseTopic, encodeURIComponent(responseTopic));
  if (correlationData !== undefined)
    made.set(names.correlationData, Buffer.from(correlationData).toString('base64'));
  if (properties.messageExpiryInterval !== undefined) setExpiry(made, properties.messageExpiryInterval);
  for (const pair of properties.userProperties ?? [])
    made.append(names.userProperty, pair.map((each) => encodeURIComponent(each)).join('='));
  return made;
}

/**
 * Returns the part of a message that its headers hold. A message of another program has none of them; a header that this
 * link cannot read counts as absent.
 *
 * @param ageSeconds time since the stream has stored the message
 */
export function fromHeaders(found: MsgHdrs | undefined, ageSeconds: number): HeaderContent {
  const text = (name: string): string | undefined => {
    const value = found?.get(name) ?? '';
    return value === '' ? undefined : decoded(value);
  };
  const qos = Number(found?.get(names.qos) || '2');
  const expiry = found?.get(names.expiry) ?? '';
  const format = found?.get(names.payloadFormat) ?? '';
  const correlation = found?.get(names.correlationData) ?? '';
  const contentType = text(names.contentType);
  const responseTopic = text(names.responseTopic);
  const userProperties = (found?.values(names.userProperty) ?? []).flatMap((each) => pairOf(each));
  return {
    qos: qos === 0 || qos === 1 ? qos : 2,
    retain: found?.get(names.retain) === '1',
    properties: {
      ...(format !== '' && { payloadFormatIndicator: format === '1' }),
      ...(/^\d{1,10}$/.test(expiry) && {
        messageExpiryInterval: Math.max(0, Number(expiry) - Math.max(0, Math.floor(ageSeconds))),
      }),
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlation !== '' && { correlationData: Uint8Array.from(Buffer.from(correlation, 'base64')) }),
      userProperties,
    },
  };
}

function pairOf(text: string): (readonly [string, string])[] {
  const [name, value] = text.split('=', 2).map((each) => decoded(each));
  return name === undefined || value === undefined ? [] : [[name, value]];
}

/** Returns undefined for a text that is not encoded, and for one that MQTT does not permit. */
function decoded(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text);
    return value.includes('\0') ? undefined : value;
  } catch {
    return undefined;
  }
}
