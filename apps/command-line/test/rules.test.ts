import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './support/run.ts';

let directory: string;

beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'command-line-'))));
afterAll(() => rmSync(directory, { recursive: true }));

test('rules check reads JSON and ACL files of Mosquitto, and names the line or the rule of an error', async () => {
  const file = (name: string, text: string | Buffer): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const acl = file('good.acl', 'user ann\ntopic write a/#\n');
  expect(await run(['rules', 'check', acl])).toMatchObject({ status: 0, out: `${acl}: 1 rule, no errors\n` });
  for (const [path, problem] of [
    [file('broken.acl', 'topic a\n\ntopics b'), 'broken.acl: line 3: unknown keyword'],
    [file('broken.json', '[{}]'), 'broken.json: rule 1: effect: '],
    [
      file('latin1.acl', Buffer.from('topic a\ntopic deny gehe\xEFm', 'latin1')),
      'latin1.acl: line 2: the text is not UTF-8',
    ],
    [file('latin1.json', Buffer.from('[\n"\xEF"]', 'latin1')), 'latin1.json: line 2: the text is not UTF-8'],
    [file('comma.json', '[\n  {},\n]'), 'comma.json: line 3, column 1: the text is not JSON'],
    [join(directory, 'absent'), 'absent: ENOENT'],
  ] as const) {
    const { status, err } = await run(['rules', 'check', path]);
    expect(status).toBe(1);
    expect(err).toContain(problem);
  }
});
