import { fileURLToPath } from 'node:url';

/** A bound against hanging, not an assertion: with much else to do a machine takes its time. */
const testMsMax = 240_000;

/** What every project's Jest uses: TypeScript through swc, as ES modules. */
export default {
  testEnvironment: 'node',
  testTimeout: testMsMax,
  reporters: ['default', fileURLToPath(new URL('scripts/jest-totals.mjs', import.meta.url))],
  testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/src/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      fileURLToPath(import.meta.resolve('@swc/jest')),
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
