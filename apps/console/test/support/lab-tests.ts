import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { TestBrowser } from './browser.ts';
import type { ConsolePage } from './browser.ts';
import { RealLab } from './real-lab.ts';
import type { RealLabOptions } from './real-lab.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
/** Bounds of a hanging test. They assert nothing about time. */
const startMsMax = 300_000;
const waitMsMax = 180_000;

export interface LabTests {
  readonly lab: RealLab;
  /** Opens a page of the console. @param origin the address that serves the console; the lab by default */
  readonly open: (route: string, origin?: string) => Promise<Page>;
}

/**
 * Starts a lab and a browser for the tests of a file. After each test, its pages show no alert, have caused no error and have
 * asked no other host, and they are closed.
 */
export function labTests(options: Omit<RealLabOptions, 'root'>): LabTests {
  let lab: RealLab | undefined;
  let browser: TestBrowser | undefined;
  let opened: ConsolePage[] = [];

  beforeAll(async () => {
    lab = await RealLab.start({ root, ...options });
    browser = await TestBrowser.open();
  }, startMsMax);
  afterEach(async () => {
    const pages = opened;
    opened = [];
    // If a test has waited in vain, the alerts are what the page showed instead.
    const alerts = await Promise.all(
      pages.map(({ page }) => page.locator('[role=alert], .message-failed').allInnerTexts()),
    );
    await Promise.all(pages.map(({ context }) => context.close()));
    expect({ alerts: alerts.flat(), faults: pages.flatMap(({ faults }) => faults) }).toEqual({
      alerts: [],
      faults: [],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  return {
    get lab(): RealLab {
      if (lab === undefined) throw new Error('the lab does not run');
      return lab;
    },
    open: async (route, origin = lab?.url) => {
      if (browser === undefined) throw new Error('no browser runs');
      const page = await browser.page(`${origin}/#/${route}`, { waitMsMax });
      opened.push(page);
      return page.page;
    },
  };
}
