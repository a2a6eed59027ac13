import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, host, requiring, systemPython, TestAuthority } from '@mqtt-cluster/testing';
import { passwordLine } from '../support/password-file.ts';
import { TestCluster } from '../support/test-cluster.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, 'paho-session.py');
const count = 5;
const password = 'a password of ann';

requiring('paho-mqtt', 'openssl')('the Eclipse Paho client over TLS with a password', () => {
  const directory = mkdtempSync(join(tmpdir(), 'paho-tls-'));
  let authority: TestAuthority;
  let cluster: TestCluster;
  let port = 0;

  beforeAll(async () => {
    authority = new TestAuthority(directory);
    const { keyFile: key, certFile: cert } = authority.issueServer('server', host);
    const passwordFile = join(directory, 'passwords');
    writeFileSync(passwordFile, passwordLine('ann', password));
    [port = 0] = await freePorts(1);
    const listener = {
      name: 'tls',
      kind: 'tls',
      host,
      port,
      tls: { key, cert },
      authentication: ['passwordFile'],
    };
    cluster = await TestCluster.start(['a'], { mqtt: { listeners: [listener], passwordFile } });
  });

  afterAll(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  const step = async (what: string, version: number, { given = password, ca = authority.caFile } = {}) => {
    const { stdout } = await run(
      systemPython,
      [
        script,
        what,
        `${version}`,
        host,
        `${port}`,
        `${what === 'publish' ? 'p' : 's'}-${version}`,
        `${count}`,
        ca,
        'ann',
      ],
      { env: { PAHO_PASSWORD: given } },
    );
    return JSON.parse(stdout) as { present: number; received?: unknown[] };
  };

  test.each([4, 5])(
    'keeps a session and receives all messages, with protocol level %i',
    async (version) => {
      expect((await step('subscribe', version)).present).toBe(0);
      await step('publish', version);
      const { present, received } = await step('resume', version);
      expect(present).toBe(1);
      expect(received).toHaveLength(2 * count);
    },
    120_000,
  );

  test.each([
    [4, 'code 4'],
    [5, 'code 134'],
  ])(
    'is refused with a wrong password, with protocol level %i',
    async (version, code) => {
      await expect(step('subscribe', version, { given: 'wrong' })).rejects.toThrow(code);
    },
    120_000,
  );

  test('refuses the member if another authority has issued its certificate', async () => {
    const ca = new TestAuthority(directory, 'other').caFile;
    await expect(step('subscribe', 4, { ca })).rejects.toThrow('CERTIFICATE_VERIFY_FAILED');
  }, 120_000);
});
