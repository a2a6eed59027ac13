import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authorization, readToken } from '../../src/admin/authorization.ts';

const token = 'a-token-of-some-length';

test('Authorization without a token accepts only requests from this host and rejects all MQTT clients', () => {
  const authorization = new Authorization(null, true);
  expect(authorization.rejectionReason({ headers: {}, isLocal: true })).toBeNull();
  expect(authorization.rejectionReason({ headers: {}, isLocal: false })).toContain('tokenFile');
  expect(authorization.allowsTopics('admin', Buffer.from(''))).toBe(false);
  expect(authorization.allowsTopics('admin', Buffer.from(token))).toBe(false);
});

test('Authorization without a token and with trustLoopback false rejects also requests from this host', () => {
  expect(new Authorization(null, false).rejectionReason({ headers: {}, isLocal: true })).toContain(
    'trustLoopback',
  );
  const headers = { authorization: `Bearer ${token}` };
  expect(new Authorization(token, false).rejectionReason({ headers, isLocal: true })).toBeNull();
});

test('Authorization with a token accepts requests and MQTT clients with that token from any host', () => {
  const authorization = new Authorization(token, true);
  const headers = { authorization: `Bearer ${token}` };
  expect(authorization.rejectionReason({ headers, isLocal: false })).toBeNull();
  expect(authorization.rejectionReason({ headers: {}, isLocal: true })).toContain('Bearer');
  expect(
    authorization.rejectionReason({ headers: { authorization: `Bearer ${token}x` }, isLocal: true }),
  ).not.toBeNull();
  expect(authorization.allowsTopics('admin', Buffer.from(token))).toBe(true);
  expect(authorization.allowsTopics('other', Buffer.from(token))).toBe(false);
  expect(authorization.allowsTopics('admin', undefined)).toBe(false);
  const withReplacement = new Authorization(`${token}\uFFFD`, true);
  expect(withReplacement.allowsTopics('admin', Buffer.from(`${token}\xEF`, 'latin1'))).toBe(false);
});

describe('readToken', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'token-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('returns the token without the line end of the file, and returns null when no file is configured', () => {
    const file = join(directory, 'token');
    writeFileSync(file, `${token}\n`);
    expect(readToken(file)).toBe(token);
    expect(readToken('')).toBeNull();
  });

  test.each([
    ['too short', 'short'],
    ['two words', `${token} ${token}`],
    ['empty', ''],
  ])('rejects a file with a token that is %s', (_what, content) => {
    const file = join(directory, 'token');
    writeFileSync(file, content);
    expect(() => readToken(file)).toThrow(/admin\.tokenFile.*16 characters/);
  });

  test('rejects a token that is not UTF-8, which would be equal to other tokens', () => {
    const file = join(directory, 'token');
    writeFileSync(file, Buffer.from(`${token}\xEF`, 'latin1'));
    expect(() => readToken(file)).toThrow(`admin.tokenFile: ${file}: line 1: the text is not UTF-8`);
  });

  test('rejects a file that does not exist', () => {
    expect(() => readToken(join(directory, 'none'))).toThrow(/cannot be read/);
  });
});
