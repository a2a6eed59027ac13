import type { Logger } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { configSchema } from '../../src/config.ts';
import { reportOpenFiles, socketsMax } from '../../src/limits/open-files.ts';

const limitsOf = (soft: string): (() => string) => {
  return () =>
    `Max processes             63432                63432                processes\nMax open files            ${soft}                524288               files\n`;
};

test('the open files of the process bound the connections, except those reserved for peers and HTTP', () => {
  expect(socketsMax(limitsOf('65536'))).toBe(65_024);
  expect(socketsMax(limitsOf('unlimited'))).toBe(0);
  expect(
    socketsMax(() => {
      throw new Error('no such file');
    }),
  ).toBe(0);
});

test.each([
  ['warns of open files that do not suffice for the clients', 14_999, 1],
  ['warns of nothing if the open files suffice', 15_000, 0],
  ['warns of nothing if the limit is unknown', 0, 0],
])('the report of the open files %s', (_name, sockets, expected) => {
  // 10,000 clients and 5,000 connections before their authentication, the defaults.
  const config = configSchema.parse({ id: 'm0', peers: ['m0=127.0.0.1:7883'] });
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_fields, text) => warnings.push(text) };
  reportOpenFiles(sockets, config, logger);
  expect(warnings).toHaveLength(expected);
  for (const text of warnings) {
    expect(text).toContain('may open 15511 files');
    expect(text).toContain('at least 15512 (systemd: LimitNOFILE)');
  }
});
