import { PassThrough } from 'node:stream';
import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Pipe } from '../src/network/pipe.ts';

const passing = { passing: true, delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity, lossShare: 0 };

/** A pipe between two streams in memory, and what came out of it. */
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
  return { pipe, write, heard: () => String(sink.read() ?? '') };
}

describe('a lossy pipe', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  test('stalls for a retransmission time-out, and what follows waits its turn', async () => {
    // For each piece: its jitter, whether it is lost, and if so whether again.
    const draws = [0.5, 0, 1, 0.5, 1];
    const { pipe, write, heard } = pipeline(() => draws.shift() ?? 1);
    pipe.set({ ...passing, lossShare: 0.01 });
    await write('lost');
    await write('next');
    jest.advanceTimersByTime(199);
    expect(heard()).toBe('');
    jest.advanceTimersByTime(2);
    expect(heard()).toBe('lostnext');
  });

  test('a segment that is lost again waits twice as long', async () => {
    const draws = [0.5, 0, 0, 1];
    const { pipe, write, heard } = pipeline(() => draws.shift() ?? 1);
    pipe.set({ ...passing, lossShare: 0.01 });
    await write('lost');
    jest.advanceTimersByTime(599);
    expect(heard()).toBe('');
    jest.advanceTimersByTime(2);
    expect(heard()).toBe('lost');
  });
});
