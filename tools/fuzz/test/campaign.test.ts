import { between, seededRandom } from '@mqtt-cluster/kit';
import { BrokenPromise, parserTarget } from '../src/offline/parser-target.ts';
import { Campaign, Fault } from '../src/index.ts';
import type { CaseFault, Target } from '../src/index.ts';

class DeclaredError extends Error {}

const corpus = [Buffer.from('a valid input'), Buffer.from('another valid input')];
const targetOf = (parse: (bytes: Buffer) => unknown): Target =>
  parserTarget({ name: 'parser', corpus, parse, isDeclared: (error) => error instanceof DeclaredError });
const campaignOf = (target: Target, cases: number, firstCase = 0) =>
  new Campaign({ targets: [target], seed: 5, forMs: Infinity, cases, firstCase });

describe('a campaign', () => {
  it('accepts a parser that returns a value or throws a declared error', async () => {
    let declared = 0;
    const target = targetOf((bytes) => {
      if (bytes.toString().startsWith('a')) return bytes.length;
      declared++;
      throw new DeclaredError('not valid');
    });
    const report = await campaignOf(target, 4).run();
    expect(report.faults).toEqual([]);
    expect(report.cases.get('parser')).toBe(4);
    expect(declared).toBeGreaterThan(0);
  });

  it('reports a parser that throws any other error, with the input and the number of the case', async () => {
    // One input of about twenty contains this byte.
    const target = targetOf((bytes) => {
      if (bytes.includes(0xff)) throw new TypeError('undefined is not a function');
    });
    const seen: CaseFault[] = [];
    const onFault = (fault: CaseFault): void => void seen.push(fault);
    const options = { targets: [target], seed: 5, forMs: Infinity, cases: 1_000, onFault };
    const { faults } = await new Campaign(options).run();
    expect(faults).toHaveLength(1);
    expect(faults[0]!.error.message).toContain('undeclared error TypeError: undefined is not a function');
    expect(Buffer.from(faults[0]!.error.input!)).toContain(0xff);
    expect(seen).toEqual(faults);
    const again = await campaignOf(target, 1, faults[0]!.number).run();
    expect(again.faults[0]!.error.input).toEqual(faults[0]!.error.input);
  });

  it('reports a parser that accepts what it must refuse, even if all errors are declared', async () => {
    const parse = (): never => {
      throw new BrokenPromise('a hash is out of its bounds');
    };
    const target = parserTarget({ name: 'parser', corpus, parse, isDeclared: () => true });
    const { faults } = await campaignOf(target, 1).run();
    expect(faults.map(({ error }) => error.message)).toEqual(['parser: a hash is out of its bounds']);
    expect(faults[0]!.error.input).toBeInstanceOf(Uint8Array);
  });

  it('reports a target that throws an error of its own, so that no broken target looks like a passed one', async () => {
    const target: Target = {
      name: 'broken',
      parallel: 1,
      run: () => Promise.reject(new Error('no such folder')),
    };
    const { faults } = await campaignOf(target, 3).run();
    expect(faults.map(({ error }) => error.message)).toEqual(['broken: Error: no such folder']);
  });

  it('ends a target at its first fault and continues with the others', async () => {
    const runs = { bad: 0, good: 0 };
    const target = (name: 'bad' | 'good', fails: boolean): Target => ({
      name,
      parallel: 2,
      run: () => {
        runs[name]++;
        return fails ? Promise.reject(new Fault('broken')) : Promise.resolve();
      },
    });
    const targets = [target('bad', true), target('good', false)];
    const report = await new Campaign({ targets, seed: 1, forMs: Infinity, cases: 20 }).run();
    expect(runs.good).toBe(20);
    expect(runs.bad).toBeLessThanOrEqual(2);
    expect(report.faults.every(({ target: name }) => name === 'bad')).toBe(true);
  });

  it('runs the same inputs for the same seed and case', async () => {
    const inputs: string[][] = [];
    for (let round = 0; round < 2; round++) {
      const seen: string[] = [];
      await campaignOf(
        targetOf((bytes) => seen.push(bytes.toString('hex'))),
        2,
      ).run();
      inputs.push(seen);
    }
    expect(inputs[0]).toEqual(inputs[1]);
    expect(new Set(inputs[0]).size).toBeGreaterThan(10);
    expect(between(seededRandom(5, 'x'), 1, 9)).toBe(between(seededRandom(5, 'x'), 1, 9));
  });
});
