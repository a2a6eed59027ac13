import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { silentLogger } from '@mqtt-cluster/contracts';
import { host, turnsUntil } from '@mqtt-cluster/testing';
import { createBroker } from '../../src/index.ts';
import type { Broker } from '../../src/index.ts';
import { connectPacket, RawClient } from '../support/driver.ts';
import { FakeClientPort } from '../support/fake-client-port.ts';

const otherHost = '127.0.0.2';
const sockets: Socket[] = [];
let broker: Broker;

function open(listener: number, localAddress: string): Socket {
  const { port } = broker.addresses()[listener]!;
  const socket = connectSocket({ host, port, localAddress });
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker.stop();
});

test('connections that never complete their handshake keep no newcomer from another address out', async () => {
  broker = createBroker({
    memberId: 'm',
    port: new FakeClientPort(),
    logger: silentLogger,
    listeners: [
      { name: 'web', host, port: 0, kind: 'ws' },
      { name: 'plain', host, port: 0, kind: 'tcp' },
    ],
    limits: { unauthenticatedMax: 20 },
  });
  await broker.start();
  let closed = 0;
  for (let count = 0; count < 30; count++) open(0, host).on('close', () => closed++);
  // Ten exceed the bound and are refused, because their address holds all places.
  await turnsUntil(() => closed === 10);
  expect(broker.counters().refusals.too_many_connections).toBe(10);
  const newcomer = new RawClient(open(1, otherHost));
  newcomer.send(connectPacket('newcomer'));
  await newcomer.next('connack');
  await turnsUntil(() => closed === 11);
  await newcomer.disconnect();
});
