/** Encodes the fixed header and the topic of a QoS 0 PUBLISH (MQTT 3.1.1, 3.3). */
export function publishHeader(topic: string, payloadBytes: number): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  let rest = 2 + topicBytes + payloadBytes;
  const bytes = [0x30];
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  bytes.push(topicBytes >> 8, topicBytes & 0xff);
  return Buffer.concat([Buffer.from(bytes), Buffer.from(topic)]);
}
