import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import { schema } from '../src/config.ts';
import { createProgram } from '../src/program.ts';
import type { Program } from '../src/program.ts';
import { stockBroker } from './support/stock-broker.ts';
import type { StockBroker } from './support/stock-broker.ts';

requiring('openssl')('the client', () => {
  let directory: string;
  let authority: TestAuthority;
  let broker: StockBroker | null = null;
  let program: Program | null = null;
  const file = (name: string): string => join(directory, name);

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'client-access-'));
    authority = new TestAuthority(directory);
  });

  afterEach(async () => {
    await program?.stop();
    await broker?.stop();
    program = broker = null;
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const create = (settings: object): Promise<Program> =>
    createProgram(
      schema.parse({ id: 'app', session: 'none', http: { host: '127.0.0.1', port: 0 }, ...settings }),
      'test',
      silentLogger,
    );

  test('presents its certificate, and reads its token file before each connection', async () => {
    const seen: string[] = [];
    broker = await stockBroker({
      tls: {
        ...authority.issueServer('server', '127.0.0.1'),
        ca: authority.ca,
        requestCert: true,
        rejectUnauthorized: true,
      },
      passwords: (password) => seen.push(password) > 0,
    });
    const { keyFile, certFile } = authority.issue('app');
    writeFileSync(file('token'), 'first token\n');
    program = await create({
      servers: [broker.url],
      username: 'app',
      tokenFile: file('token'),
      tls: { ca: authority.caFile, cert: certFile, key: keyFile },
    });
    await program.start();
    await broker.subscribed('app');
    writeFileSync(file('token'), 'second token\n');
    broker.cut();
    await until(() => seen.includes('second token'));
    expect([...new Set(seen)]).toEqual(['first token', 'second token']);
  });

  test.each([
    [
      'a missing token file',
      { tokenFile: 'missing' },
      'tokenFile (MQTT_CLIENT_TOKEN_FILE): the file missing cannot be read',
    ],
    ['a missing authority', { tls: { ca: 'missing.pem' } }, 'missing.pem does not exist'],
  ])('does not start with %s, and the error names the file', async (_text, settings, words) => {
    await expect(create({ servers: ['mqtts://127.0.0.1:1'], ...settings })).rejects.toThrow(words);
  });

  test('does not start with a token that is not UTF-8', async () => {
    writeFileSync(file('latin1'), Buffer.from('gehe\xEFm', 'latin1'));
    await expect(create({ servers: ['mqtt://127.0.0.1:1'], tokenFile: file('latin1') })).rejects.toThrow(
      `${file('latin1')}: line 1: the text is not UTF-8`,
    );
  });

  test('does not start with a key of another certificate, and the error names both files', async () => {
    const { keyFile } = authority.issue('one');
    const { certFile } = authority.issue('two');
    const tls = { cert: certFile, key: keyFile };
    await expect(create({ servers: ['mqtts://127.0.0.1:1'], tls })).rejects.toThrow(
      `${keyFile} is not the private key of the certificate in ${certFile}`,
    );
  });
});
