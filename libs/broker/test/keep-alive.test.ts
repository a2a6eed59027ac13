import { generate } from 'mqtt-packet';
import { ReceiveProgress } from '../src/flow-control/receive-progress.ts';
import type { BrokerOptions } from '../src/index.ts';
import { connect, open, connectPacket, startBroker } from './support/driver.ts';
import type { BrokerTarget, RawClient } from './support/driver.ts';
import { turnsUntil } from '@mqtt-cluster/testing';

const targets: BrokerTarget[] = [];

async function start(limits: BrokerOptions['limits'] = {}): Promise<BrokerTarget> {
  const target = await startBroker({ limits });
  targets.push(target);
  return target;
}

afterEach(async () => {
  for (const target of targets.splice(0)) await target.stop();
});

/**
 * Sends up to 300 bytes one after the other, in turns that the test does not measure, until the server closes.
 * The bytes take more than four times the keep-alive of one second.
 */
async function drip(client: RawClient, bytes: Buffer): Promise<void> {
  for (const byte of bytes.subarray(0, 300)) {
    if (client.isClosed) return;
    client.sendBytes([byte]);
    // Some hundred bytes a second: much less than the minimum rate, and far more often than the keep-alive.
    for (let count = 0; count < 20 && !client.isClosed; count++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  throw new Error('the server did not close the connection of a client that sends single bytes of a packet');
}

const publish = (payloadBytes: number, protocolVersion: 4 | 5): Buffer =>
  generate(
    { cmd: 'publish', topic: 'a', payload: 'x'.repeat(payloadBytes), qos: 0, retain: false, dup: false },
    { protocolVersion },
  );

test('single bytes of a packet do not restart the keep-alive timer [3.1.1 MQTT-3.1.2-24]', async () => {
  const target = await start();
  const client = await connect(target, 'c', { keepalive: 1 });
  await drip(client, publish(100_000, 4));
  await client.closed;
  expect(target.port.inputKinds).not.toContain('publish');
  expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
});

test('single bytes of a packet do not restart the keep-alive timer, and DISCONNECT has the reason code 0x8D [5.0 MQTT-3.1.2-22]', async () => {
  const target = await start();
  const client = await connect(target, 'c', { protocolVersion: 5, keepalive: 1 });
  await drip(client, publish(100_000, 5));
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x8d });
});

test('a packet that arrives at the minimum rate restarts the keep-alive timer before it is complete (a deliberate choice beside [3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22])', async () => {
  const target = await start({ packetBytesPerSecondMin: 1 });
  const silent = await connect(target, 'silent', { keepalive: 1 });
  const slow = await connect(target, 'slow', { keepalive: 1 });
  const bytes = publish(250_000, 4);
  let sent = 0;
  await turnsUntil(
    () => silent.isClosed,
    () => slow.sendBytes(bytes.subarray(sent, ++sent)),
  );
  slow.sendBytes(bytes.subarray(sent));
  await slow.settle();
  expect(target.port.inputKinds).toContain('publish');
});

test('without a keep-alive, the broker disconnects a client that does not complete a packet in time', async () => {
  const target = await start({ incompletePacketMsMax: 1 });
  const idle = await connect(target, 'idle', { keepalive: 0 });
  // After the second client, the broker has checked the idle client at least twice.
  for (const id of ['first', 'second']) {
    const client = await connect(target, id, { protocolVersion: 5, keepalive: 0 });
    client.sendBytes([0x30, 100, 0]);
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x83 });
    await client.closed;
  }
  await idle.settle();
});

test('without a keep-alive, a client that completes its packets stays connected', async () => {
  const target = await start({ incompletePacketMsMax: 1 });
  const client = await connect(target, 'c', { keepalive: 0 });
  const bytes = publish(1, 4);
  const [begin, rest] = [bytes.subarray(0, 1), bytes.subarray(1)];
  client.sendBytes(begin);
  for (const id of ['first', 'second']) {
    const witness = await connect(target, id, { keepalive: 0 });
    witness.sendBytes(begin);
    // Each segment completes a packet and begins the next one.
    await turnsUntil(
      () => witness.isClosed,
      () => client.sendBytes(rest, begin),
    );
  }
  client.sendBytes(rest);
  await client.settle();
});

test('Server Keep Alive replaces the keep-alive of the client, which may be 0 [5.0 MQTT-3.2.2-21]', async () => {
  const target = await start({ keepAliveSecondsMax: 1 });
  const client = open(target, 5);
  client.send(connectPacket('c', { protocolVersion: 5, keepalive: 0 }));
  await expect(client.next('connack')).resolves.toMatchObject({ properties: { serverKeepAlive: 1 } });
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x8d });
});

test('CONNACK has no Server Keep Alive if the keep-alive of the client is within the maximum [5.0 MQTT-3.2.2-22]', async () => {
  const target = await start({ keepAliveSecondsMax: 30 });
  const client = open(target, 5);
  client.send(connectPacket('c', { protocolVersion: 5, keepalive: 30 }));
  const { properties } = await client.next('connack');
  expect(properties?.serverKeepAlive).toBeUndefined();
});

describe('the measured rate of an incomplete packet', () => {
  test('counts from the last whole packet, or from the last progress', () => {
    const progress = new ReceiveProgress(1_000);
    expect(progress.onPart(1, 0)).toBe(false);
    expect(progress.onPart(1, 300)).toBe(false);
    expect(progress.onPart(298, 300)).toBe(true);
    expect(progress.onPart(10, 310)).toBe(true);
    expect(progress.onPart(1, 320)).toBe(false);
    progress.onPacket();
    expect(progress.onPart(5_000, 9_000)).toBe(false);
    expect(progress.onPart(1, 9_001)).toBe(true);
  });

  test('has a stalled time, which ends with the packet', () => {
    const progress = new ReceiveProgress(1_000);
    expect(progress.stalledMs(100)).toBe(0);
    progress.onPart(1, 200);
    expect(progress.stalledMs(400)).toBe(300);
    progress.onPacket();
    expect(progress.stalledMs(900)).toBe(0);
    progress.restart(1_000);
    expect(progress.stalledMs(1_500)).toBe(500);
  });
});
