import type { IPublishPacket } from 'mqtt-packet';

/** Bytes of the header of a PUBLISH without its topic, properties and payload. */
const headerBytesMax = 16;

/** Returns at least the bytes of a PUBLISH. */
export function packetBytes({ topic, payload, properties }: IPublishPacket): number {
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
