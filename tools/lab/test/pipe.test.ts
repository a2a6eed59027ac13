import { PassThrough } from 'node:stream';
import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Pipe } from '../src/network/pipe.ts';

const passing = { passing: true, delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity, lossShare: 0 };

/**
 * Returns a pipe between two streams in memory; `received` returns the data that the pipe has passed since the last call.
 */
function pipeline(random: () => number) {
  const source = new PassThrough();
  const sink = new PassThrough();
  const pipe = new Pipe(source as unknown as Socket, sink as unknown as Socket, random);
  pipe.start();
  const write = async (text: string): Promise<void> => {
    source.write(text);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    await new Promise((resolve) => process.nextTick(resolve));
  };
  return { pipe, write, received: () => String(sink.read() ?? '') };
}

describe('a pipe that loses segments', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  test('delays a lost segment and all later data by the retransmission timeout of 200 ms', async () => {
    // Random numbers for each piece: the jitter, then the loss of the piece, then the loss of its retransmission.
    const draws = [0.5, 0, 1, 0.5, 1];
    const { pipe, write, received } = pipeline(() => draws.shift() ?? 1);
    pipe.set({ ...passing, lossShare: 0.01 });
    await write('lost');
    await write('next');
    jest.advanceTimersByTime(199);
    expect(received()).toBe('');
    jest.advanceTimersByTime(2);
    expect(received()).toBe('lostnext');
  });

  test('delays the data by 400 ms more when the retransmission is lost [RFC 6298, 5.5]', async () => {
    const draws = [0.5, 0, 0, 1];
    const { pipe, write, received } = pipeline(() => draws.shift() ?? 1);
    pipe.set({ ...passing, lossShare: 0.01 });
    await write('lost');
    jest.advanceTimersByTime(599);
    expect(received()).toBe('');
    jest.advanceTimersByTime(2);
    expect(received()).toBe('lost');
  });
});
