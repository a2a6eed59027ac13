import type { Logger } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { PacketTooLargeError } from '../src/codec/packet-error.ts';
import { OversizedPacketLog } from '../src/connection/oversized-packet-log.ts';
import { connect, open, startBroker } from './support/driver.ts';

type Line = Readonly<Record<string, unknown>>;

/** Returns a logger and the fields of its warnings. */
function recordingLogger(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (fields, text) => void lines.push({ ...fields, text }),
    child: () => logger,
  };
  return { logger, lines };
}

const limits = { packetBytesMax: 1_000 };
/** Bytes of PUBLISH on topic `a` without its payload: QoS 0, MQTT 3.1.1. */
const headerBytes = 6;

test('accepts a packet of exactly the announced Maximum Packet Size', async () => {
  const target = await startBroker({ limits });
  const client = open(target, 5);
  client.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'c', clean: true });
  const { properties } = await client.next('connack');
  expect(properties?.maximumPacketSize).toBe(1_000);
  client.publish('a', 'x'.repeat(1_000 - headerBytes - 3), { qos: 1, messageId: 1 });
  await client.next('puback');
  await target.stop();
});

test.each([3, 4, 5] as const)(
  'disconnects a client of the protocol level %i whose packet is too large, with reason 0x95 in MQTT 5, and logs client, size and limit',
  async (protocolVersion) => {
    const { logger, lines } = recordingLogger();
    const target = await startBroker({ limits, logger });
    const client = await connect(target, 'large', { protocolVersion });
    client.publish('a', 'x'.repeat(2_000));
    await client.closed;
    const bytes = 2_000 + headerBytes + (protocolVersion === 5 ? 1 : 0);
    expect(lines).toEqual([
      {
        client: 'large',
        address: '127.0.0.1',
        bytes,
        bytesMax: 1_000,
        text: 'client disconnected: its packet exceeds the largest packet that this member accepts (mqtt.packetBytesMax)',
      },
    ]);
    if (protocolVersion === 5) {
      expect(client.packets.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x95 });
    }
    await target.stop();
  },
);

describe('OversizedPacketLog', () => {
  const fault = new PacketTooLargeError(2_000, 1_000);

  test('writes one line a minute for a client, with the number of lines left out', () => {
    const { logger, lines } = recordingLogger();
    let nowMs = 0;
    const log = new OversizedPacketLog(logger, () => nowMs);
    for (let count = 0; count < 5; count++) log.report(fault, 'c', '192.0.2.1');
    nowMs = 60_000;
    log.report(fault, 'c', '192.0.2.1');
    expect(lines).toMatchObject([{ client: 'c' }, { client: 'c', suppressed: 4 }]);
  });

  test('writes at most 100 lines a minute for all clients', () => {
    const { logger, lines } = recordingLogger();
    const log = new OversizedPacketLog(logger, () => 0);
    for (let count = 0; count < 1_000; count++) log.report(fault, `c${count}`, '192.0.2.1');
    expect(lines).toHaveLength(100);
  });

  test('distinguishes by address the connections without a client identifier', () => {
    const { logger, lines } = recordingLogger();
    const log = new OversizedPacketLog(logger, () => 0);
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) log.report(fault, '', address);
    expect(lines.map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2']);
  });
});
