interface SizedPublish {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
}

const packetIdBytes = 2;
const topicLengthBytes = 2;
/** Values of one byte of the Remaining Length (MQTT 5, 1.5.5). */
const lengthByteValues = 128;

/** Returns the bytes of a PUBLISH packet without properties, which Maximum Packet Size limits. */
export function publishPacketBytes({ topic, payload, qos }: SizedPublish, protocolVersion: 4 | 5): number {
  const propertyLengthBytes = protocolVersion === 5 ? 1 : 0;
  const remaining =
    topicLengthBytes +
    Buffer.byteLength(topic) +
    (qos > 0 ? packetIdBytes : 0) +
    propertyLengthBytes +
    payload.length;
  let headerBytes = 2;
  for (let rest = remaining; rest >= lengthByteValues; rest = Math.floor(rest / lengthByteValues))
    headerBytes++;
  return headerBytes + remaining;
}
