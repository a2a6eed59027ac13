/**
 * The compliance suites that mqemitter and aedes-persistence publish, run against what we give to Aedes. They are written
 * for node:test; a small adapter runs their cases here. What our parts are not meant to do is listed with its reason.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { EmptyPersistence } from '../src/aedes/empty-persistence.ts';
import { Router } from '../src/aedes/emitter.ts';

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

/** What node:test does: its assertions, counted against the plan. */
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
  if (planned !== null) assert.equal(asserted, planned, 'assertions as planned');
}

describe('the router and the suite of mqemitter', () => {
  const builder = (options: Record<string, unknown> = {}): Router => {
    const { matchEmptyLevels = true, ...others } = options;
    if (matchEmptyLevels !== true || Object.keys(others).length > 0) throw new Error('not an option of ours');
    return new Router();
  };
  const cases = casesOf('mqemitter/abstractTest.js', { builder });
  /** MQTT's separator and wildcards, and its rule for empty levels, are not options of ours. */
  const exceptions = new Set([
    'support one level wildcard - not match empty words',
    'support changing one level wildcard',
    'support changing deep wildcard',
    'support changing the level separator',
  ]);

  test.each(cases.filter(({ name }) => !exceptions.has(name)))('$name', run);

  test.each(cases.filter(({ name }) => exceptions.has(name)))('not: $name', async (each) => {
    await expect(run(each)).rejects.toThrow('not an option of ours');
  });

  test('every exception is a case of the suite', () => {
    expect([...exceptions].filter((name) => !cases.some((each) => each.name === name))).toEqual([]);
  });
});

describe('the persistence and the suite of aedes-persistence', () => {
  const cases = casesOf('aedes-persistence/abstract.js', {
    persistence: () => new EmptyPersistence(),
    testAsync: true,
  });
  /**
   * It holds nothing on purpose: sessions, subscriptions, queues, retained messages and wills are the member's, whose own
   * suites cover them. So only those cases apply in which nothing is found, or nothing has to be.
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

  test.each(cases.filter(({ name }) => applicable.has(name)))('$name', run);

  test.each(cases.filter(({ name }) => !applicable.has(name)))('the member instead: $name', async (each) => {
    await expect(run(each)).rejects.toThrow();
  });

  test('every applicable case is one of the suite', () => {
    expect([...applicable].filter((name) => !cases.some((each) => each.name === name))).toEqual([]);
  });
});
