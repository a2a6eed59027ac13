import { expect, test } from '@jest/globals';
import { requiring } from '@mqtt-cluster/testing';
import { seriousFindings } from '../support/axe.ts';
import { consoleTests } from '../support/console-tests.ts';

/** Each page, and a text that it shows when it has its data. */
const pages: readonly (readonly [route: string, text: string])[] = [
  ['overview', 'Delivered/s'],
  ['clients', 'sensor-line1-0001'],
  ['clients/scada-0004', 'keep-alive timeout: no packet for 90 s'],
  ['subscriptions', 'plant/+/value'],
  ['topics', 'Connecting to this member over MQTT…'],
  ['retained?topic=plant/line1/sensor001/configuration', 'application/json'],
  ['events', 'm3 was elected leader of term 14'],
  ['try', 'No messages yet.'],
  ['trace', 'No packets.'],
  ['faults', 'exactly once'],
  ['cluster', 'queuedMessagesMax'],
  ['links', 'the user name or password is wrong'],
  ['links/south', 'orders/#'],
  ['users', 'plant-gateway'],
];

requiring('chromium')('each page of the console in Chromium', () => {
  const tests = consoleTests();

  for (const scheme of ['light', 'dark'] as const)
    test(`axe finds nothing serious in the ${scheme} colour scheme, on a wide and on a narrow screen`, async () => {
      const page = await tests.open('overview', { scheme });
      for (const [route, text] of pages)
        for (const width of [1280, 360]) {
          await page.setViewportSize({ width, height: 800 });
          await page.evaluate((hash) => (location.hash = `#/${hash}`), route);
          await page.getByText(text).first().waitFor();
          expect([route, width, await seriousFindings(page)]).toEqual([route, width, []]);
          const isTooWide = await page.evaluate(
            () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
          );
          expect([route, width, isTooWide]).toEqual([route, width, false]);
        }
    });

  test('every page is reached with the keyboard alone, and its title gets the focus', async () => {
    const page = await tests.open('overview');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    for (const [link, title] of [
      ['Clients', 'Clients'],
      ['Retained', 'Retained messages'],
      ['Users and rules', 'Users and rules'],
    ] as const) {
      await page.getByRole('link', { name: link, exact: true }).focus();
      await page.keyboard.press('Enter');
      const heading = page.getByRole('heading', { level: 1, name: title });
      await heading.waitFor();
      expect(await heading.evaluate((element) => element === document.activeElement)).toBe(true);
    }
  });

  test('a page of a member that does not answer shows the failure and the last data', async () => {
    const page = await tests.open('clients');
    await page.getByRole('link', { name: 'scada-0004' }).waitFor();
    await page.route(/api\/v1/, (route) => route.abort());
    await page.getByText('does not answer. What you see is old.').first().waitFor();
    expect(await page.getByRole('link', { name: 'scada-0004' }).count()).toBe(1);
  });

  test('loads mqtt.js only for Topics and Try it', async () => {
    const page = await tests.open('overview');
    const scripts: number[] = [];
    page.on('response', (response) => {
      if (response.url().endsWith('.js')) void response.body().then((body) => scripts.push(body.length));
    });
    for (const [route, text] of pages.filter(([name]) => !['topics', 'try', 'overview'].includes(name))) {
      await page.evaluate((hash) => (location.hash = `#/${hash}`), route);
      await page.getByText(text).first().waitFor();
    }
    expect(Math.max(...scripts)).toBeLessThan(100_000);
    const library = page.waitForResponse(async (response) => (await response.body()).length > 200_000);
    await page.evaluate(() => (location.hash = '#/topics'));
    expect((await library).url()).toMatch(/\.js$/);
  });
});
