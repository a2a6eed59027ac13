import type { Machine } from '../../src/machine.ts';

/** The machine of reports in tests. */
export const machine: Machine = {
  processor: 'a processor',
  cores: 2,
  memoryGibibytes: 4,
  kernel: '6.1',
  node: 'v20',
  loadAverage: 0.5,
  commit: '0123abcd',
  versions: {},
};
