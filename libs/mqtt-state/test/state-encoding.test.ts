import { jest } from '@jest/globals';
import { wholeBytes } from '@mqtt-cluster/contracts';
import type { Command, SessionProgress } from '@mqtt-cluster/contracts';
import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import { BodiesCopy } from '../src/bodies/bodies-copy.ts';
import { createMqttState, encodeBatch } from '../src/index.ts';
import type { BodyCache, MqttState } from '../src/index.ts';
import { openCommand, publishCommand, start } from './support/state-driver.ts';

const messages = 500;
const payloadBytes = 200;
/** More than an item with its message takes: payload, topic, origin, numbers. */
const itemBytesMax = payloadBytes + 100;

/** Returns a state with a queue of QoS 1 and QoS 2 messages, and a function that applies further commands. */
function filled(cache: BodyCache | null = null) {
  const state = createMqttState(cache);
  const home = { member: 'a', storeId: 'store-a', incarnation: 1 };
  let sequence = 0;
  const apply = (...commands: Command[]): void => {
    sequence++;
    state.apply(sequence, sequence, encodeBatch({ ...home, sequence, commands }));
  };
  apply(start);
  apply(openCommand('s', { receiveMaximum: 20 }));
  const epoch = state.session('s')!.epoch;
  apply({ kind: 'subscribe', client: 's', epoch, subscriptions: [{ filter: '#', qos: 2 }] });
  const numbers = Array.from({ length: messages }, (_, number) => number);
  apply(
    ...numbers.map((number) =>
      publishCommand(`t/${number}`, String(number % 10).repeat(payloadBytes), number % 2 === 0 ? 1 : 2),
    ),
  );
  return { state, apply, epoch };
}

/** Counts the messages that an encoding writes in each step. */
function observeSteps(): { endStep: () => void; most: () => number } {
  const spy = jest.spyOn(BodiesCopy.prototype, 'write');
  let before = 0;
  let most = 0;
  return {
    endStep: () => {
      most = Math.max(most, spy.mock.calls.length - before);
      before = spy.mock.calls.length;
    },
    most: () => most,
  };
}

afterEach(() => {
  jest.restoreAllMocks();
});

type Progress = Omit<SessionProgress, 'client' | 'epoch'>;

/** The client acknowledges its whole queue: PUBREC for its window of QoS 2, and later everything else. */
function acknowledgements(state: MqttState): [Progress, Progress] {
  const items = [...state.session('s')!.queue()];
  const received = items.filter(({ packetId }) => packetId !== 0).map(({ packetId }) => packetId);
  const done = items.filter(({ packetId }) => packetId === 0).map(({ number }) => number);
  return [{ received }, { done }];
}

describe('the encoding of a state', () => {
  test.each([
    ['values', { values: 10, bytes: Infinity }, 10],
    ['bytes', { values: Infinity, bytes: 1_000 }, 1 + Math.ceil(1_000 / payloadBytes)],
  ])('writes a bounded number of %s in one step', (_, bounds, messagesMax) => {
    const { state } = filled();
    const whole = state.encode();
    const steps = observeSteps();
    const encoding = state.beginEncoding();
    let encoded = null;
    let count = 0;
    for (; encoded === null; count++) {
      encoded = encoding.advance(bounds);
      steps.endStep();
    }
    expect(steps.most()).toBeLessThanOrEqual(messagesMax);
    expect(count).toBeGreaterThanOrEqual(Math.min(messages / 10, whole.length / (1_000 + itemBytesMax)));
    expect(Buffer.compare(wholeBytes(encoded), whole)).toBe(0);
  });

  test('writes no message in the call that begins it', () => {
    const { state } = filled();
    const steps = observeSteps();
    state.beginEncoding();
    steps.endStep();
    expect(steps.most()).toBe(0);
  });

  test.each([
    ['in memory', null],
    ['on pages', 0],
    ['partly on pages', 100 * itemBytesMax],
  ])(
    'is that of the state when it began, whatever is applied between the steps: messages %s',
    (_, bytesMax) => {
      const pages = new MemoryMessagePages();
      const { state, apply, epoch } = filled(bytesMax === null ? null : { pages, bytesMax });
      const whole = state.encode();
      const encoding = state.beginEncoding();
      // The client's window of QoS 2 is not encoded yet when it changes.
      const bounds = { values: 5, bytes: Infinity };
      expect(encoding.advance(bounds)).toBeNull();
      // The window is received, and everything else leaves the queue. Its rows get other messages.
      for (const progress of acknowledgements(state))
        apply({ kind: 'progress', sessions: [{ client: 's', epoch, ...progress }] });
      expect(encoding.advance(bounds)).toBeNull();
      apply(...Array.from({ length: messages }, (_, number) => publishCommand(`new/${number}`, 'new', 2)));
      expect(encoding.advance(bounds)).toBeNull();
      // The rest leaves the queue, and the queue is compacted.
      apply(openCommand('s', { clean: true }));
      apply({ kind: 'close', client: 's', epoch: state.session('s')!.epoch, graceful: true });
      expect(state.session('s')?.epoch).not.toBe(epoch);
      expect(state.counts().queuedMessages).toBe(0);
      const encoded = encoding.finish();
      expect(encoded).toHaveLength(whole.length);
      expect(Buffer.compare(wholeBytes(encoded), whole)).toBe(0);
      // What left the queue during the encoding is given back with its last piece.
      expect(pages.size).toBe(0);
    },
  );

  test('lets go of the pages when it is given up between two steps', () => {
    const pages = new MemoryMessagePages();
    const { state, apply } = filled({ pages, bytesMax: 0 });
    const encoding = state.beginEncoding();
    expect(encoding.advance({ values: 50, bytes: Infinity })).toBeNull();
    apply(openCommand('s', { clean: true }));
    expect(state.counts().queuedMessages).toBe(0);
    expect(pages.size).toBe(messages);
    encoding.discard();
    expect(pages.size).toBe(0);
    // Otherwise a part of the state could pass for the whole.
    expect(() => encoding.finish()).toThrow('was given up');
  });
});
