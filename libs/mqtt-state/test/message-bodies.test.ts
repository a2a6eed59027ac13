import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import { MessagePageError } from '@mqtt-cluster/contracts';
import type { Message } from '@mqtt-cluster/contracts';
import { MessageBodies } from '../src/bodies/message-bodies.ts';
import { decodeMqttState, encodeBatch, messageBytes } from '../src/index.ts';
import { SessionQueue } from '../src/session/session-queue.ts';
import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

const origin = { storeId: 's', incarnation: 1, sequence: 2, command: 3 };
const size = messageBytes(messageOf(0));

function messageOf(number: number): Message {
  const payload = new Uint8Array(100).fill(number);
  const properties = { correlationData: Uint8Array.of(number), userProperties: [['name', 'value'] as const] };
  return { topic: `t/${number % 10}`, payload, qos: 1, retain: false, publisher: 'p', properties };
}

/** Adds messages with one queue item each. @returns their ids */
function filled(bodies: MessageBodies, count: number): number[] {
  return Array.from({ length: count }, (_, number) => {
    const body = bodies.add(messageOf(number), origin);
    bodies.keep(body);
    bodies.settle();
    return body;
  });
}

test('queued messages beyond the bound of the cache are on pages, and are read again as they were', () => {
  const pages = new MemoryMessagePages();
  const bodies = new MessageBodies({ pages, bytesMax: 3 * size });
  const ids = filled(bodies, 10);
  expect(pages.size).toBe(7);
  expect(bodies.memory).toBe(3 * size);
  for (const [number, id] of ids.entries()) {
    expect(bodies.message(id)).toEqual(messageOf(number));
    expect(bodies.origin(id)).toEqual(origin);
    expect(bodies.memory).toBeLessThanOrEqual(3 * size);
  }
});

test('queued messages without a bound of the cache stay in memory', () => {
  const bodies = new MessageBodies();
  filled(bodies, 10);
  expect(bodies.memory).toBe(10 * size);
});

test('queued messages have the same hash in memory and on a page', () => {
  const inMemory = new MessageBodies();
  const onPages = new MessageBodies({ pages: new MemoryMessagePages(), bytesMax: 0 });
  const hashes = filled(inMemory, 5).map((id) => inMemory.hash(id));
  expect(filled(onPages, 5).map((id) => onPages.hash(id))).toEqual(hashes);
  expect(new Set(hashes).size).toBe(5);
});

test('a message leaves its page when it leaves its last queue, and each message is on one page, also after moves', () => {
  const pages = new MemoryMessagePages();
  const bodies = new MessageBodies({ pages, bytesMax: 0 });
  const ids = filled(bodies, 20);
  for (let entry = 0; entry < 5; entry++) bodies.settle();
  expect(pages.size).toBe(20);
  bodies.keep(ids[0]!);
  for (const id of ids) bodies.release(id);
  bodies.settle();
  expect(pages.size).toBe(1);
  expect(bodies.message(ids[0]!)).toEqual(messageOf(0));
  bodies.release(ids[0]!);
  bodies.settle();
  expect(pages.size).toBe(0);
});

test('messages stay in memory while the pages accept nothing', () => {
  let accepts = false;
  const pages = new MemoryMessagePages(() => accepts);
  const bodies = new MessageBodies({ pages, bytesMax: 0 });
  const ids = filled(bodies, 5);
  expect(bodies.memory).toBe(5 * size);
  accepts = true;
  bodies.settle();
  expect(bodies.memory).toBe(0);
  expect(ids.map((id) => bodies.message(id))).toEqual([0, 1, 2, 3, 4].map(messageOf));
});

test('a page that does not hold what was written is an error', () => {
  class WrongPages extends MemoryMessagePages {
    override read(position: number, length: number): Uint8Array {
      const bytes = super.read(position, length);
      bytes[10]! ^= 1;
      return bytes;
    }
  }
  const bodies = new MessageBodies({ pages: new WrongPages(), bytesMax: 0 });
  const [id] = filled(bodies, 1);
  expect(() => bodies.message(id!)).toThrow('differs from the one that was written');
});

test('the ids of messages are used again, so that a queue that comes and goes needs no more rows', () => {
  const bodies = new MessageBodies();
  for (let round = 0; round < 5; round++) {
    const ids = filled(bodies, 3_000);
    expect(new Set(ids).size).toBe(3_000);
    for (const id of ids) bodies.release(id);
    bodies.settle();
    expect(bodies.memory).toBe(0);
  }
  expect(bodies.copy().idLimit).toBe(3_072);
});

test('an item of a queue that is used after its message is gone is an error, not another message', () => {
  const driver = new StateDriver().start('a');
  driver.propose('a', openCommand('s'));
  const epoch = driver.state.session('s')!.epoch;
  const subscriptions = [{ filter: 't', qos: 1 as const }];
  driver.propose('a', { kind: 'subscribe', client: 's', epoch, subscriptions });
  driver.propose('a', publishCommand('t', 'first'));
  const [item] = driver.items('s');
  driver.propose('a', driver.progress('s', { done: [item!.number] }));
  driver.propose('a', publishCommand('t', 'second'));
  expect(() => item!.message).toThrow('item 1 has left its queue');
});

test('a page that cannot be read ends the entry with an error, because the state would differ from the others', () => {
  class UnreadablePages extends MemoryMessagePages {
    override read(): Uint8Array {
      throw new Error('EIO');
    }
  }
  const driver = new StateDriver().start('a').raiseSemantics(6);
  driver.propose('a', publishCommand('t', 'retained', 1, { retain: true }));
  driver.propose('a', openCommand('s'));
  const epoch = driver.state.session('s')!.epoch;
  const subscriptions = [{ filter: 't', qos: 1 as const }];
  const subscribe = { kind: 'subscribe' as const, client: 's', epoch, subscriptions };
  driver.propose('a', subscribe);
  driver.propose('a', openCommand('s'));
  driver.state = decodeMqttState(driver.state.encode(), { pages: new UnreadablePages(), bytesMax: 0 });
  const again = { ...subscribe, epoch: driver.state.session('s')!.epoch };
  const batch = { member: 'a', storeId: 'store-a', incarnation: 1, sequence: 0, commands: [again] };
  const { sequence } = driver.state.proposer('a')!;
  const bytes = encodeBatch({ ...batch, sequence: sequence + 1 });
  expect(() => driver.state.apply(driver.state.index + 1, driver.timeMs, bytes)).toThrow(MessagePageError);
});

test('a queue that never empties does not keep the routes of items that have left it', () => {
  const bodies = new MessageBodies();
  const queue = new SessionQueue(bodies);
  const fields = { qos: 1 as const, retain: false, retainedIndex: 0 };
  const append = (group: string): number => {
    const body = bodies.add(messageOf(1), origin);
    bodies.keep(body);
    return queue.append(body, { ...fields, group });
  };
  const first = append('first');
  const groups = new Set<string>();
  for (let number = 0; number < 1_000; number++) queue.remove(append(`group ${number}`));
  const last = append('last');
  queue.numbersWithGroup((group) => groups.add(group) !== null);
  expect(groups.size).toBeLessThan(110);
  expect([queue.find(first)?.group, queue.find(last)?.group]).toEqual(['first', 'last']);
});
