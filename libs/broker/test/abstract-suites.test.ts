/**
 * Runs the compliance suites of mqemitter and aedes-persistence against our emitter and persistence. The
 * suites are written for node:test; a small adapter runs their cases in Jest. The cases that do not apply to
 * them are listed with the reason.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { EmptyPersistence } from '../src/aedes/empty-persistence.ts';
import { BoundedEmitter } from '../src/aedes/bounded-emitter.ts';

const load = createRequire(import.meta.url);

interface SuiteContext {
  plan(count: number): void;
  diagnostic(text: string): void;
  fail(text: string): void;
  readonly assert: Record<string, (...parameters: unknown[]) => void>;
}

interface Case {
  readonly name: string;
  run(context: SuiteContext): Promise<void>;
}

type Suite = (options: Record<string, unknown>) => void;

function casesOf(suite: string, options: Record<string, unknown>): Case[] {
  const cases: Case[] = [];
  const test = (name: string, run: Case['run']): void => void cases.push({ name, run });
  (load(suite) as Suite)({ test, ...options });
  return cases;
}

/** Runs a case like node:test: provides the assertions and compares their number with the plan. */
async function run(each: Case): Promise<void> {
  let planned: number | null = null;
  let asserted = 0;
  const counted = (check: (...parameters: never[]) => void) => {
    return (...parameters: unknown[]): void => {
      asserted++;
      check(...(parameters as never[]));
    };
  };
  await each.run({
    plan: (count) => (planned = count),
    diagnostic: () => undefined,
    fail: (text) => assert.fail(text),
    assert: {
      ok: counted(assert.ok),
      equal: counted(assert.equal),
      notEqual: counted(assert.notEqual),
      deepEqual: counted(assert.deepEqual),
      ifError: counted(assert.ifError),
    },
  });
  if (planned !== null) assert.equal(asserted, planned, 'the case makes as many assertions as planned');
}

describe('BoundedEmitter in the compliance suite of mqemitter', () => {
  const builder = (options: Record<string, unknown> = {}): BoundedEmitter => {
    const { matchEmptyLevels = true, ...others } = options;
    if (matchEmptyLevels !== true || Object.keys(others).length > 0) throw new Error('option not supported');
    return new BoundedEmitter();
  };
  const cases = casesOf('mqemitter/abstractTest.js', { builder });
  /**
   * Cases that need an emitter option. Our emitter has no options for the separator, the wildcards and empty
   * levels, because MQTT defines them.
   */
  const exceptions = new Set([
    'support one level wildcard - not match empty words',
    'support changing one level wildcard',
    'support changing deep wildcard',
    'support changing the level separator',
  ]);

  test.each(cases.filter(({ name }) => !exceptions.has(name)))('passes: $name', run);

  test.each(cases.filter(({ name }) => exceptions.has(name)))('rejects the option: $name', async (each) => {
    await expect(run(each)).rejects.toThrow('option not supported');
  });

  test('lists as exceptions only cases that the suite contains', () => {
    expect([...exceptions].filter((name) => !cases.some((each) => each.name === name))).toEqual([]);
  });
});

describe('EmptyPersistence in the compliance suite of aedes-persistence', () => {
  const cases = casesOf('aedes-persistence/abstract.js', {
    persistence: () => new EmptyPersistence(),
    testAsync: true,
  });
  /**
   * EmptyPersistence stores nothing, because the member owns sessions, subscriptions, queues, retained
   * messages and wills. Only cases that expect empty results apply. The tests of libs/member cover the rest.
   */
  const applicable = new Set([
    'verify setup() method is async',
    'store multiple retained messages in order',
    'remove retained message',
    'clean subscriptions',
    'clean subscriptions with no active subscriptions',
    'delete wills from dead brokers',
    'do not error if unkown messageId in outoingClearMessageId',
  ]);

  test.each(cases.filter(({ name }) => applicable.has(name)))('passes: $name', run);

  test.each(cases.filter(({ name }) => !applicable.has(name)))(
    'does not pass, because the member has this responsibility: $name',
    async (each) => {
      await expect(run(each)).rejects.toThrow();
    },
  );

  test('lists as applicable only cases that the suite contains', () => {
    expect([...applicable].filter((name) => !cases.some((each) => each.name === name))).toEqual([]);
  });
});
