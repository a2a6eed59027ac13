/** What one client costs: the tests count objects, timers and writes. `npm run bench -- rows` measures memory and time. */
import { setImmediate as turn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { AedesStream } from '../src/aedes/aedes-stream.ts';
import { Handshake } from '../src/connection/handshake.ts';
import { connect, connectPacket, RawClient, startBroker, streamPair } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';
import { collectGarbage } from '@mqtt-cluster/testing';

const clients = 100;

async function openClients(target: BrokerTarget): Promise<void> {
  for (let number = 0; number < clients; number++) {
    await connect(target, `c${number}`, { keepalive: 60 });
  }
}

/** Objects, of which it counts those that are still in use. */
class Noted {
  readonly #references: WeakRef<object>[] = [];

  note(object: object): void {
    this.#references.push(new WeakRef(object));
  }

  get all(): number {
    return this.#references.length;
  }

  async inUse(): Promise<number> {
    // A WeakRef keeps its object until the end of the turn.
    await turn();
    collectGarbage();
    return this.#references.filter((reference) => reference.deref() !== undefined).length;
  }
}

/** Undo the replacements of a test. A spy of Jest would keep the objects in memory. */
const restores: (() => void)[] = [];

function replace<Name extends string>(owner: object, name: Name, value: unknown): void {
  const original: unknown = Reflect.get(owner, name);
  Reflect.set(owner, name, value);
  restores.push(() => Reflect.set(owner, name, original));
}

afterEach(() => {
  for (const restore of restores.splice(0)) restore();
});

/** Notes each object on which this method is called. */
function noteCalls<Name extends string>(
  prototype: Record<Name, (...all: never[]) => unknown>,
  name: Name,
): Noted {
  const noted = new Noted();
  const original = prototype[name];
  replace(prototype, name, function (this: object, ...all: never[]): unknown {
    noted.note(this);
    return original.apply(this, all);
  });
  return noted;
}

test('nothing of the connect sequence and of Aedes stays in memory while a client is connected', async () => {
  const handshakes = noteCalls(Handshake.prototype, 'onConnect');
  const streams = noteCalls(AedesStream.prototype, 'push');
  const target = await startBroker();
  await openClients(target);
  expect([handshakes.all, streams.all]).toEqual([clients, clients]);
  // The last client may still be on the stack.
  expect(await handshakes.inUse()).toBeLessThanOrEqual(1);
  expect(await streams.inUse()).toBeLessThanOrEqual(1);
  expect(target.broker.clientsConnected).toBe(clients);
});

test('the guard of a client that sends and receives nothing has no Map and no Set', async () => {
  const target = await startBroker();
  const collections = new Noted();
  class NotedMap<Key, Value> extends Map<Key, Value> {
    constructor(entries?: Iterable<readonly [Key, Value]>) {
      super(entries);
      collections.note(this);
    }
  }
  class NotedSet<Value> extends Set<Value> {
    constructor(values?: Iterable<Value>) {
      super(values);
      collections.note(this);
    }
  }
  replace(globalThis, 'Map', NotedMap);
  replace(globalThis, 'Set', NotedSet);
  await openClients(target);
  // Each session of FakeClientPort has one of each, and each RawClient has a Set.
  const ofTest = 3 * clients;
  const inUse = await collections.inUse();
  expect(inUse).toBeGreaterThanOrEqual(ofTest);
  expect(inUse - ofTest).toBeLessThan(clients / 10);
});

test('idle clients with a keep-alive have no timers of their own', async () => {
  const target = await startBroker();
  const started = jest.spyOn(globalThis, 'setTimeout');
  const stopped = jest.spyOn(globalThis, 'clearTimeout');
  await openClients(target);
  const left = new Set(started.mock.results.map(({ value }) => value as unknown));
  for (const [timer] of stopped.mock.calls) left.delete(timer);
  jest.restoreAllMocks();
  expect(target.broker.clientsConnected).toBe(clients);
  expect(left.size).toBeLessThan(clients / 10);
});

test('a connect costs one write, and the answers to all PINGREQs of a read another one', async () => {
  const target = await startBroker();
  const [stream, socket] = streamPair();
  const write = jest.spyOn(socket, 'write');
  target.broker.handle(socket, { address: '127.0.0.1' });
  const client = new RawClient(stream);
  client.send(connectPacket('c', {}));
  await client.next('connack');
  expect(write).toHaveBeenCalledTimes(1);
  const pings = 50;
  client.sendBytes(Buffer.concat(new Array<Buffer>(pings).fill(generate({ cmd: 'pingreq' }))));
  for (let answer = 0; answer < pings; answer++) await client.next('pingresp');
  expect(write).toHaveBeenCalledTimes(2);
});
