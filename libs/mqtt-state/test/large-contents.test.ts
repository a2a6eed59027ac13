import { jest } from '@jest/globals';
import { MessageBodies } from '../src/bodies/message-bodies.ts';
import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import { decodeMqttState } from '../src/index.ts';
import type { EncodedState } from '../src/index.ts';
import { StateDigester } from '../src/codec/state-digest.ts';
import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

const large = 'x'.repeat(5_000);

/** Returns what the state has hashed ahead of a digest while `act` runs. */
function hashedAhead(act: () => void): { messages: string[]; bodies: string[] } {
  const spy = jest.spyOn(StateDigester.prototype, 'prepare');
  const bodies = new Set<string>();
  const { digest } = StateDigester.prototype;
  let isAhead = true;
  const ofDigests = jest.spyOn(StateDigester.prototype, 'digest').mockImplementation(function (
    this: StateDigester,
    ...given
  ) {
    isAhead = false;
    const value = digest.apply(this, given);
    isAhead = true;
    return value;
  });
  const { hash } = MessageBodies.prototype;
  const ofBodies = jest.spyOn(MessageBodies.prototype, 'hash').mockImplementation(function (
    this: MessageBodies,
    body,
  ) {
    if (isAhead) bodies.add(this.message(body).topic);
    return hash.call(this, body);
  });
  act();
  const topics = spy.mock.calls.flatMap(([messages]) => messages.map(({ topic }) => topic));
  spy.mockRestore();
  ofBodies.mockRestore();
  ofDigests.mockRestore();
  // The driver applies each entry to a decoded copy of the state as well.
  return { messages: [...new Set(topics)], bodies: [...bodies] };
}

describe('the hashes of a digest', () => {
  test('of retained and of large queued messages are computed by the entry that adds them', () => {
    const driver = new StateDriver().start('a');
    driver.propose('a', openCommand('s'));
    const epoch = driver.state.session('s')!.epoch;
    driver.propose('a', {
      kind: 'subscribe',
      client: 's',
      epoch,
      subscriptions: [{ filter: 'queued/#', qos: 1 }],
    });
    const hashed = hashedAhead(() => {
      driver.propose('a', publishCommand('retained/1', large, 1, { retain: true }));
      driver.propose('a', publishCommand('retained/small', 'x', 1, { retain: true }));
      driver.propose('a', publishCommand('queued/1', large));
      driver.propose('a', publishCommand('queued/small', 'x'));
      driver.propose('a', publishCommand('nobody', large));
    });
    expect(hashed).toEqual({ messages: ['retained/1', 'retained/small'], bodies: ['queued/1'] });
  });

  test('are those of a state that was decoded from a snapshot', () => {
    const driver = new StateDriver().start('a');
    driver.propose('a', publishCommand('retained/1', large, 1, { retain: true }));
    expect(decodeMqttState(driver.state.encode()).digest()).toBe(driver.state.digest());
  });

  test('are cached, so a digest reads no large payload again', () => {
    const digester = new StateDigester();
    let reads = 0;
    const message = {
      topic: 't',
      qos: 1 as const,
      retain: true,
      get payload() {
        reads++;
        return new Uint8Array(5_000);
      },
    };
    digester.prepare([message]);
    const before = reads;
    expect(before).toBeGreaterThan(0);
    digester.prepare([message]);
    expect(reads).toBe(before);
  });
});

describe('the pieces of an encoded state', () => {
  const joined = (encoded: EncodedState): Uint8Array => Buffer.concat([...encoded.pieces()]);

  /** Returns a driver whose state has large and small retained messages and a queue. */
  function filled(): StateDriver {
    const driver = new StateDriver().start('a');
    driver.propose('a', openCommand('s'));
    const epoch = driver.state.session('s')!.epoch;
    const subscriptions = [{ filter: 'queued/#', qos: 1 as const }];
    driver.propose('a', { kind: 'subscribe', client: 's', epoch, subscriptions });
    for (const bytes of [0, 1, 4_095, 4_096, 4_097, 200_000, 300_000]) {
      driver.propose('a', publishCommand(`retained/${bytes}`, 'r'.repeat(bytes), 1, { retain: true }));
      driver.propose('a', publishCommand(`queued/${bytes}`, 'q'.repeat(bytes)));
    }
    return driver;
  }

  test('are the bytes of the encoded state', () => {
    const { state } = filled();
    expect(Buffer.compare(joined(state.beginEncoding().finish()), state.encode())).toBe(0);
    const again = decodeMqttState(joined(state.beginEncoding().finish()));
    expect(again.digest()).toBe(state.digest());
  });

  test('contain large payloads without a copy', () => {
    const { state } = filled();
    const payloads = [...state.retained('#')].map(({ message }) => message.payload);
    const large = payloads.filter(({ length }) => length >= 4_096);
    expect(large).toHaveLength(4);
    for (const payload of large) expect([...state.beginEncoding().finish().pieces()]).toContain(payload);
  });

  test('stay as they are when the state changes', () => {
    const driver = filled();
    const before = driver.state.encode();
    const parts = driver.state.beginEncoding();
    driver.propose('a', publishCommand('retained/200000', 'new', 1, { retain: true }));
    driver.propose('a', publishCommand('queued/1', large));
    driver.state.beginEncoding().finish();
    expect(Buffer.compare(joined(parts.finish()), before)).toBe(0);
    expect(Buffer.compare(driver.state.encode(), before)).not.toBe(0);
  });

  test('of messages on pages are read when they are taken, also after the messages have left their queues', () => {
    const pages = new MemoryMessagePages();
    const driver = filled();
    const bytes = driver.state.encode();
    const state = decodeMqttState(bytes, { pages, bytesMax: 0 });
    driver.state = state;
    expect(pages.size).toBe(7);
    const encoded = state.beginEncoding().finish();
    expect(encoded).toHaveLength(bytes.length);
    const abandoned = state.beginEncoding().finish();
    driver.propose('a', openCommand('s', { clean: true }));
    expect(state.counts().queuedMessages).toBe(0);
    expect(Buffer.compare(joined(encoded), bytes)).toBe(0);
    expect(pages.size).toBe(7);
    abandoned.discard();
    expect(pages.size).toBe(0);
  });
});
