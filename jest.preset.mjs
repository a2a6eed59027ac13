import { fileURLToPath } from 'node:url';

/** What every project's Jest uses: TypeScript through swc, as ES modules. */
export default {
  testEnvironment: 'node',
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
