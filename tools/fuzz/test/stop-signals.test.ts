import { jest } from '@jest/globals';
import { stopSignal } from '../src/run/stop-signals.ts';

test('the first signal stops the attack, and the second one ends the process with its number', () => {
  const onStop = jest.fn();
  const exit = jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  try {
    const stop = stopSignal(onStop);
    process.emit('SIGTERM');
    expect(stop.aborted).toBe(true);
    expect(exit).not.toHaveBeenCalled();
    process.emit('SIGINT');
    expect(exit).toHaveBeenCalledWith(130);
    expect(onStop).toHaveBeenCalledTimes(1);
  } finally {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeAllListeners(name);
    exit.mockRestore();
  }
});
