import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authorization, readToken } from '../../src/admin/authorization.ts';

const token = 'a-token-of-some-length';

test('without a token only this host may, and no MQTT client', () => {
  const authorization = new Authorization(null, true);
  expect(authorization.refusal({ headers: {}, isLocal: true })).toBeNull();
  expect(authorization.refusal({ headers: {}, isLocal: false })).toContain('tokenFile');
  expect(authorization.mayUseTopics('admin', Buffer.from(''))).toBe(false);
  expect(authorization.mayUseTopics('admin', Buffer.from(token))).toBe(false);
});

test('where an address tells nothing not even this host may without a token', () => {
  expect(new Authorization(null, false).refusal({ headers: {}, isLocal: true })).toContain('trustLoopback');
  const headers = { authorization: `Bearer ${token}` };
  expect(new Authorization(token, false).refusal({ headers, isLocal: true })).toBeNull();
});

test('with a token who has it may, from anywhere, and nobody else', () => {
  const authorization = new Authorization(token, true);
  const headers = { authorization: `Bearer ${token}` };
  expect(authorization.refusal({ headers, isLocal: false })).toBeNull();
  expect(authorization.refusal({ headers: {}, isLocal: true })).toContain('Bearer');
  expect(
    authorization.refusal({ headers: { authorization: `Bearer ${token}x` }, isLocal: true }),
  ).not.toBeNull();
  expect(authorization.mayUseTopics('admin', Buffer.from(token))).toBe(true);
  expect(authorization.mayUseTopics('other', Buffer.from(token))).toBe(false);
  expect(authorization.mayUseTopics('admin', undefined)).toBe(false);
});

describe('the file of the token', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'token-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('is read without its line end; none is none', () => {
    const file = join(directory, 'token');
    writeFileSync(file, `${token}\n`);
    expect(readToken(file)).toBe(token);
    expect(readToken('')).toBeNull();
  });

  test.each([
    ['short', 'short'],
    ['two words', `${token} ${token}`],
    ['empty', ''],
  ])('with a bad token (%s) is refused', (_what, content) => {
    const file = join(directory, 'token');
    writeFileSync(file, content);
    expect(() => readToken(file)).toThrow(/admin\.tokenFile.*16 characters/);
  });

  test('that is missing is refused', () => {
    expect(() => readToken(join(directory, 'none'))).toThrow(/cannot be read/);
  });
});
