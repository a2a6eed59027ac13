import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type axeCore from 'axe-core';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Returns the findings of axe that are serious or critical: one line for each, with the element. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // `evaluate` is not subject to the Content-Security-Policy of the page.
  await page.evaluate(source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as typeof globalThis & { axe: typeof axeCore };
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
      );
  });
}
