import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { requiring } from '@mqtt-cluster/testing';
import fc from 'fast-check';
import { HashPool, parsePasswordFile } from '../src/index.ts';
import { cheapScrypt, pbkdf2, sha512 } from './support/setup.ts';

const parse = (text: string) => parsePasswordFile(Buffer.from(text));

test('a password file has users, comments, empty lines and Windows line ends', () => {
  const users = parse(`# comment\r\n\r\nalice:${pbkdf2}\r\n  bob : ${sha512} \ncarl:${cheapScrypt}`);
  expect([...users].map(([name, { hash }]) => [name, hash.kind])).toEqual([
    ['alice', 'pbkdf2'],
    ['bob', 'sha512'],
    ['carl', 'scrypt'],
  ]);
});

test('an empty password file has no users', () => {
  expect(parse('').size).toBe(0);
});

test.each([
  ['a password in plain text', 'bob:secret', 'plain text'],
  ['a line without a colon', 'secret', 'NAME:HASH'],
  ['a missing hash', 'bob:', 'the password hash is missing'],
  ['an empty user name', `:${pbkdf2}`, 'the user name is empty'],
  ['a user name that is too long', `${'x'.repeat(257)}:${pbkdf2}`, 'more than 256 bytes'],
  ['a user that stands twice', `alice:${sha512}`, 'line 1 has the same user name'],
  ['an argon2id hash', 'bob:$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA', 'unknown format'],
  ['a hash that is no base64', `bob:$6$!!!!$${Buffer.alloc(64).toString('base64')}`, 'base64'],
  ['a truncated hash', `bob:${pbkdf2.slice(0, -8)}`, 'the hash must have 64 bytes'],
  ['text behind the hash', `bob:${pbkdf2}:more`, 'base64'],
  ['0 iterations', `bob:${pbkdf2.replace('$101$', '$0$')}`, 'the number of iterations'],
  [
    'iterations that cost hours',
    `bob:${pbkdf2.replace('$101$', '$2000000000$')}`,
    'the number of iterations',
  ],
  ['an scrypt hash that needs gigabytes', `bob:${cheapScrypt.replace('ln=4', 'ln=24')}`, 'out of bounds'],
  [
    'an scrypt hash that needs minutes',
    `bob:${cheapScrypt.replace('p=1', 'p=999').replace('ln=4', 'ln=15')}`,
    'out of bounds',
  ],
])('%s is refused with its line number, and the error does not contain the line', (_what, line, fault) => {
  const attempt = () => parse(`alice:${pbkdf2}\n\n${line}\n`);
  expect(attempt).toThrow(/^line 3: /);
  expect(attempt).toThrow(fault);
  expect(attempt).not.toThrow('secret');
});

test('a file that is not UTF-8 is refused with its line number', () => {
  const content = Buffer.concat([Buffer.from(`alice:${pbkdf2}\nb`), Buffer.from([0xff, 0x3a])]);
  expect(() => parsePasswordFile(content)).toThrow('line 2: the text is not UTF-8');
});

test('any text either gives users with hashes of bounded cost, or an error with a line number', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '$',
      ':',
      '\n',
      '#',
      '$7$',
      '$6$',
      '$scrypt$',
      'ln=',
      ',r=8,p=1$',
      '\r',
      ' ',
      'A'.repeat(16),
    ),
    fc.constantFrom(pbkdf2, sha512, cheapScrypt, 'alice:', 'bob:'),
    fc.string({ maxLength: 8 }),
    fc.integer().map(String),
  );
  const content = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.from(pieces.join(''))),
    fc.uint8Array({ maxLength: 200 }),
  );
  fc.assert(
    fc.property(content, (bytes) => {
      try {
        for (const [name, { hash }] of parsePasswordFile(bytes)) {
          expect(name.length).toBeGreaterThan(0);
          if (hash.kind === 'pbkdf2') expect(hash.iterations).toBeLessThanOrEqual(1_000_000);
          if (hash.kind === 'scrypt')
            expect(128 * hash.r * 2 ** hash.ln).toBeLessThanOrEqual(64 * 1024 * 1024);
        }
      } catch (error) {
        if ((error as { matcherResult?: unknown }).matcherResult !== undefined) throw error;
        expect((error as Error).message).toMatch(/^line [1-9]\d*: /);
      }
    }),
    { numRuns: 2_000 },
  );
});

requiring('mosquitto')('files of mosquitto_passwd', () => {
  const passwords = { alice: 'secret', bob: 'pass:word', ümit: 'пароль', dora: 'x'.repeat(200) };
  const pool = new HashPool({ logger: silentLogger, threads: 1 });
  let directory: string;
  let path: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'passwd-'));
    path = join(directory, 'passwd');
  });
  afterAll(async () => {
    await pool.stop();
    rmSync(directory, { recursive: true });
  });

  async function check(): Promise<void> {
    const users = parsePasswordFile(readFileSync(path));
    expect([...users.keys()].sort()).toEqual(Object.keys(passwords).sort());
    for (const [name, password] of Object.entries(passwords)) {
      const { hash } = users.get(name)!;
      expect(await pool.verify('', Buffer.from(password), [hash])).toBe('matches');
      expect(await pool.verify('', Buffer.from(`${password}!`), [hash])).toBe('differs');
    }
  }

  test.each(['sha512-pbkdf2', 'sha512'])(
    'hashes made with -H %s accept the right passwords only',
    async (kind) => {
      writeFileSync(path, '');
      for (const [name, password] of Object.entries(passwords)) {
        const { status } = spawnSync('mosquitto_passwd', ['-H', kind, '-b', path, name, password]);
        expect(status).toBe(0);
      }
      await check();
    },
  );

  test('a plain-text file is refused, and accepted after mosquitto_passwd -U', async () => {
    writeFileSync(
      path,
      Object.entries(passwords)
        .filter(([, password]) => !password.includes(':'))
        .map((pair) => `${pair.join(':')}\n`)
        .join(''),
    );
    expect(() => parsePasswordFile(readFileSync(path))).toThrow('line 1: the password is plain text');
    expect(spawnSync('mosquitto_passwd', ['-U', path]).status).toBe(0);
    expect(parsePasswordFile(readFileSync(path)).size).toBe(3);
  });
});
