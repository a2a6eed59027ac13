import type { Logger } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { listenAddress } from '../../src/node/listen-address.ts';

/** Returns a logger and the texts of its info lines. */
function recordingLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return { logger: { ...silentLogger, info: (_fields, text) => void lines.push(text) }, lines };
}

test('by default a member listens on all IPv6 and IPv4 addresses', async () => {
  const { logger, lines } = recordingLogger();
  expect(await listenAddress('*', logger, async () => null)).toBe('::');
  expect(lines).toEqual([]);
});

test('a member on a host without IPv6 listens on all IPv4 addresses and reports that in one log line', async () => {
  const { logger, lines } = recordingLogger();
  expect(await listenAddress('*', logger, async () => 'EAFNOSUPPORT')).toBe('0.0.0.0');
  expect(lines).toEqual(['this host has no IPv6: the member listens on all IPv4 addresses only']);
});

test.each(['0.0.0.0', '::', '127.0.0.1', '::1', '192.0.2.1'])(
  'a member with the setting host=%s listens on this address only',
  async (host) => {
    const isUsable = async (): Promise<string> => 'must not be tried';
    expect(await listenAddress(host, silentLogger, isUsable)).toBe(host);
  },
);
