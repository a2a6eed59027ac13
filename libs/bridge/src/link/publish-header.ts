/** First byte of a QoS 0 PUBLISH without RETAIN (MQTT 3.1.1, 3.3). */
const publishType = 0x30;
/** Bytes before the topic: the type, at most four bytes of the remaining length, the length of the topic. */
const fixedBytesMax = 7;

/**
 * Encodes the fixed header and the topic of a QoS 0 PUBLISH (MQTT 3.1.1, 3.3), with the payload behind them if it is
 * given.
 */
export function publishHeader(topic: string, payloadBytes: number, payload?: Uint8Array): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const packet = Buffer.allocUnsafe(fixedBytesMax + topicBytes + (payload?.length ?? 0));
  packet[0] = publishType;
  let rest = 2 + topicBytes + payloadBytes;
  let at = 1;
  do {
    packet[at] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
    rest >>>= 7;
    at += 1;
  } while (rest > 0);
  packet[at] = topicBytes >> 8;
  packet[at + 1] = topicBytes & 0xff;
  at += 2;
  packet.write(topic, at);
  at += topicBytes;
  if (payload === undefined) return packet.subarray(0, at);
  packet.set(payload, at);
  return packet.subarray(0, at + payload.length);
}
