import { authenticatorOf } from './support/access.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';

const five = { protocolVersion: 5 as const };
let target: BrokerTarget;
let admission: 'all' | 'redirect' | 'refuse';
let reference: string | undefined;
let commands: string[];

beforeEach(async () => {
  admission = 'all';
  reference = 'other.example:1883';
  commands = [];
  target = await startBroker({
    admission: () => admission,
    serverReference: () => reference,
    limits: { clientsMax: 2 },
    authenticator: authenticatorOf(() => true, {
      roleOf: ({ userName, password }) =>
        userName === 'admin' && String(Buffer.from(password ?? [])) === 'token' ? 'admin' : undefined,
    }),
    administration: {
      onCommand: (command, payload) => commands.push(`${command} ${Buffer.from(payload).toString()}`),
    },
  });
});
afterEach(() => target.stop());

describe('an overloaded member', () => {
  test('redirects MQTT 5 clients (MQTT 5, 4.13.2) and accepts MQTT 3.1.1 clients', async () => {
    admission = 'redirect';
    const client = open(target, 5);
    client.send(connectPacket('c', five));
    await expect(client.next('connack')).resolves.toMatchObject({
      reasonCode: 0x9c,
      properties: { serverReference: 'other.example:1883' },
    });
    await client.closed;
    await connect(target, 'old');
  });

  test('accepts MQTT 5 clients when it has no better member to redirect them to', async () => {
    admission = 'redirect';
    reference = undefined;
    await connect(target, 'c', five);
  });

  test('rejects all new clients when its admission option returns refuse', async () => {
    admission = 'refuse';
    const old = open(target);
    old.send(connectPacket('c'));
    await expect(old.next('connack')).resolves.toMatchObject({ returnCode: 3 });
    reference = undefined;
    const client = open(target, 5);
    client.send(connectPacket('c', five));
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x88 });
  });

  test('keeps the connected clients when its admission option returns refuse', async () => {
    const client = await connect(target, 'c');
    admission = 'refuse';
    await client.subscribe(1, 'a', 0);
  });
});

test('the broker does not compute a server reference for clients that it does not redirect', async () => {
  let computations = 0;
  const busy = await startBroker({ serverReference: () => `other:${++computations}` });
  const clients = await Promise.all(['a', 'b', 'c'].map((id) => connect(busy, id, five)));
  await busy.stop();
  await Promise.all(clients.map((client) => client.closed));
  expect(computations).toBe(0);
});

test('a full member redirects MQTT 5 clients', async () => {
  await connect(target, 'a');
  await connect(target, 'b');
  const client = open(target, 5);
  client.send(connectPacket('c', five));
  await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x9c });
});

const command = { cmd: 'publish', topic: '$cluster/admin/drain', dup: false } as const;
const administrator = { ...five, username: 'admin', password: Buffer.from('token') };

describe('the broker, for admin topics,', () => {
  test('accepts the command of a client with the admin token, and does not retain the message', async () => {
    const client = await connect(target, 'c', administrator);
    client.send({ ...command, payload: '{"exit":false}', qos: 1, messageId: 5, retain: true });
    await expect(client.next('puback')).resolves.toMatchObject({ messageId: 5, reasonCode: 0 });
    expect(commands).toEqual(['drain {"exit":false}']);
    const later = await connect(target, 'd');
    await later.subscribe(1, '$cluster/#', 1);
    later.send({ cmd: 'pingreq' });
    await later.next('pingresp');
    expect(later.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
  });

  test('acknowledges a retransmitted command without running it again', async () => {
    const client = await connect(target, 'c', administrator);
    client.send({ ...command, dup: true, payload: '', qos: 1, messageId: 5, retain: false });
    await client.next('puback');
    for (const dup of [false, true]) {
      client.send({ ...command, dup, payload: '', qos: 2, messageId: 6, retain: false });
      await client.next('pubrec');
    }
    expect(commands).toEqual(['drain ']);
  });

  test('rejects an admin topic as will topic', async () => {
    const client = open(target, 5);
    const will = { topic: command.topic, payload: Buffer.from(''), qos: 1, retain: false } as const;
    client.send(connectPacket('c', { ...administrator, will }));
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x90 });
  });

  test.each([
    ['without credentials', {}],
    ['with a wrong token', { username: 'admin', password: Buffer.from('guess') }],
    ['with a wrong user name', { username: 'root', password: Buffer.from('token') }],
  ])('rejects a command from a client %s', async (_how, credentials) => {
    const client = await connect(target, 'c', { ...five, ...credentials });
    client.send({ ...command, payload: '', qos: 1, messageId: 5, retain: false });
    await expect(client.next('puback')).resolves.toMatchObject({ messageId: 5, reasonCode: 0x87 });
    const old = await connect(target, 'd', 'username' in credentials ? credentials : {});
    old.send({ ...command, payload: '', qos: 0, retain: false });
    await old.closed;
    expect(commands).toEqual([]);
  });
});
