import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { TestBrowser } from './browser.ts';
import type { PageOptions } from './browser.ts';
import { buildForTest } from './build.ts';
import type { BuiltConsole } from './build.ts';
import { FakeApi } from './fake-api.ts';

/** What a test of the console in a browser uses. */
export interface ConsoleTests {
  /** A new API for each test. */
  readonly api: FakeApi;
  readonly open: (route: string, options?: PageOptions) => Promise<Page>;
}

/**
 * Builds the console once and opens a browser for the tests of a file. After each test, the pages have caused no error, have
 * asked no other host, and have sent no change without the header of the console.
 */
export function consoleTests(): ConsoleTests {
  let built: BuiltConsole | undefined;
  let browser: TestBrowser | undefined;
  let api: FakeApi | undefined;
  let faults: (readonly string[])[] = [];

  beforeAll(async () => {
    built = await buildForTest();
    browser = await TestBrowser.open();
  });
  afterAll(async () => {
    await browser?.close();
    built?.remove();
  });
  beforeEach(async () => {
    if (built === undefined) throw new Error('the console was not built');
    api = await FakeApi.open(built.folder);
    faults = [];
  });
  afterEach(async () => {
    await api?.close();
    expect(faults.flat()).toEqual([]);
    expect(api?.unprotected).toEqual([]);
  });

  return {
    get api(): FakeApi {
      if (api === undefined) throw new Error('no test runs');
      return api;
    },
    open: async (route, options) => {
      if (browser === undefined || api === undefined) throw new Error('no test runs');
      const opened = await browser.page(`${api.url}/#/${route}`, options);
      faults.push(opened.faults);
      return opened.page;
    },
  };
}
