import { scanTests } from '../src/scan/citations.ts';
import { testNames } from '../src/scan/test-names.ts';

const textsOf = (source: string): string[] => testNames('a.test.ts', source).map(({ text }) => text);

describe('the names of a test file', () => {
  test('contain the titles of tests, of groups and of tests in loops', () => {
    const source = `describe('outer', () => {
      for (const [title] of rows) test(\`in a loop \${title}\`, () => undefined);
      it('inner', async () => { expect('no name').toBe('no name'); });
    });`;
    expect(textsOf(source)).toEqual(['outer', 'in a loop …', 'inner']);
  });

  test('contain the rows of a table', () => {
    const source = `const rows = [{ name: 'row', run: () => call('no name') }];
      test.each([['one', 1], ['two', 2]])('each %s', (name) => { call('no name'); });
      test.each\`a | b
      \${1} | \${2}\`('tagged', () => undefined);`;
    expect(textsOf(source)).toEqual(expect.arrayContaining(['row', 'one', 'two', 'each %s', 'tagged']));
    expect(textsOf(source)).not.toContain('no name');
  });

  test('contain the titles of a suite that is a function', () => {
    expect(textsOf(`export function suite() { test('shared', () => undefined); call('no name'); }`)).toEqual([
      'shared',
    ]);
  });

  test('do not contain tests that never run', () => {
    const source = `test.skip('skipped', () => undefined);
      test.todo('later');
      describe.skip('group', () => { test('inside', () => undefined); });
      test('runs', () => undefined);`;
    expect(textsOf(source)).toEqual(['runs']);
  });

  test('name their line', () => {
    expect(testNames('a.test.ts', `\n\ntest('third line', () => undefined);`)).toEqual([
      { text: 'third line', line: 3 },
    ]);
  });
});

describe('a scan', () => {
  const scan = (title: string, path = 'libs/broker/test/a.test.ts') =>
    scanTests([{ path, source: `test('${title}', () => undefined);` }]);

  test('finds each clause with its version, and the name without clauses', () => {
    const { citations, faults } = scan('closes [3.1.1 MQTT-3.1.0-2] [5.0 MQTT-3.1.0-2], always');
    expect(faults).toEqual([]);
    expect(citations).toMatchObject([
      { version: '3.1.1', id: 'MQTT-3.1.0-2', name: 'closes, always' },
      { version: '5.0', id: 'MQTT-3.1.0-2' },
    ]);
  });

  test('reports an unknown clause, and a clause without its version or with another form', () => {
    for (const clause of [
      '[3.1.1 MQTT-3.1.0-9]',
      '[3.1.1 MQTT-4.13.1-1]',
      '[MQTT-3.1.0-2]',
      '[MQTT-5 4.13]',
      '[3.1 MQTT-3.1.0-2]',
    ]) {
      const { citations, faults } = scan(`closes ${clause}`);
      expect(citations).toEqual([]);
      expect(faults).toEqual([expect.stringContaining(`a.test.ts:1: `)]);
      expect(faults[0]).toContain(clause);
    }
  });

  test('checks the tests of clients, but does not count them for the server', () => {
    const path = 'tools/workload/test/a.test.ts';
    expect(scan('resends [3.1.1 MQTT-4.4.0-1]', path)).toEqual({ citations: [], faults: [] });
    expect(scan('resends [MQTT-4.4.0-1]', path).faults).toHaveLength(1);
  });
});
