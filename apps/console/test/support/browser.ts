import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { execFileSync } from 'node:child_process';

/** Returns the path of Debian's Chromium. */
function executable(): string {
  return execFileSync('which', ['chromium'], { encoding: 'utf8', env: process.env }).trim();
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  /** Longest time for which an act of the page waits for its element, ms. */
  readonly waitMsMax?: number;
}

/** A page of the console, and everything that it did wrong. */
export interface ConsolePage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, messages about the Content-Security-Policy, and requests to other hosts. */
  readonly faults: readonly string[];
}

/** A browser for the tests of one file. */
export class TestBrowser {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async open(): Promise<TestBrowser> {
    return new TestBrowser(
      await chromium.launch({
        executablePath: executable(),
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'],
      }),
    );
  }

  /** Opens `url` in a new context, without cookies of other pages. */
  async page(
    url: string,
    {
      width = 1280,
      height = width < 600 ? 760 : 860,
      scheme = 'light',
      waitMsMax = 30_000,
    }: PageOptions = {},
  ): Promise<ConsolePage> {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: 'reduce',
      locale: 'en-GB',
    });
    context.setDefaultTimeout(waitMsMax);
    const page = await context.newPage();
    const faults: string[] = [];
    const { host } = new URL(url);
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
    page.on('console', (message) => {
      // The browser reports each answer other than 2xx; the tests judge what the page makes of them.
      const isAnswer = /^Failed to load resource|^WebSocket connection to .* failed/.test(message.text());
      if (message.type() === 'error' && !isAnswer) faults.push(message.text());
    });
    page.on('request', (request) => {
      const asked = new URL(request.url());
      if (asked.protocol !== 'data:' && asked.host !== host) faults.push(`request to ${asked.host}`);
    });
    await page.goto(url);
    return { page, context, faults };
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
