import type { IPublishPacket } from 'mqtt-packet';
import { shownTopic } from '../topics/topic-names.ts';

/** Bytes of the header of a PUBLISH without its topic, properties and payload. */
const headerBytesMax = 16;

/** Returns why the link does not send the packet, or null. */
export function sizeFault(
  packet: IPublishPacket,
  linkBytesMax: number,
  remoteBytesMax: number,
): string | null {
  const bytes = packetBytes(packet);
  if (bytes <= Math.min(linkBytesMax, remoteBytesMax)) return null;
  const bound =
    remoteBytesMax < linkBytesMax
      ? `the other broker accepts ${remoteBytesMax}`
      : `the link accepts ${linkBytesMax} (packetBytesMax)`;
  return `message on ${shownTopic(packet.topic)} dropped: it has ${bytes} bytes, and ${bound}`;
}

/** Returns at least the bytes of a PUBLISH. */
function packetBytes({ topic, payload, properties }: IPublishPacket): number {
  return headerBytesMax + Buffer.byteLength(topic) + (payload as Buffer).length + propertyBytes(properties);
}

/** Returns at least the bytes of the properties of a PUBLISH. */
function propertyBytes(properties: IPublishPacket['properties']): number {
  if (properties === undefined) return 0;
  const { contentType = '', responseTopic = '', correlationData, userProperties = {} } = properties;
  let bytes =
    32 + Buffer.byteLength(contentType) + Buffer.byteLength(responseTopic) + (correlationData?.length ?? 0);
  for (const [name, value] of Object.entries(userProperties))
    for (const each of Array.isArray(value) ? value : [value])
      bytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(each);
  return bytes;
}
