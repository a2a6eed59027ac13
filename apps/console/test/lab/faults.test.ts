import { expect, test } from '@jest/globals';
import { requiring, until } from '@mqtt-cluster/testing';
import type { Page } from 'playwright-core';
import type { LabState } from '../../src/lab/shapes.ts';
import { labTests } from '../support/lab-tests.ts';

/** The client application that `npm start` starts. */
const application = 'lab-client';
const burstIntervalMs = 2;

requiring('chromium')('the console of a running lab, while members fail', () => {
  const tests = labTests({ members: 3, ports: 7 });

  /** Returns the member to which the client application is connected, as the page Clients shows it. */
  async function memberOfApplication(page: Page, except = ''): Promise<string> {
    await page.evaluate((hash) => (location.hash = hash), `#/clients?id=${application}`);
    const row = page.getByRole('row', {
      name: new RegExp(`${application} connected (?!${except || 'none'}\\b)m\\d`),
    });
    await row.waitFor();
    const [, member = ''] = / (m\d)\b/.exec((await row.innerText()).replaceAll(/\s+/g, ' ')) ?? [];
    return member;
  }

  async function inject(page: Page, member: string, fault: string): Promise<void> {
    await page.evaluate(() => (location.hash = '#/faults'));
    await toggle(page, member, true);
    await page.getByRole('button', { name: fault, exact: true }).click();
    await page.getByText(`${fault}:${member.slice(1)}: done`).waitFor();
    await toggle(page, member, false);
  }

  /** Chooses a member with the keyboard. The page moves when a member goes away, and a click could miss. */
  async function toggle(page: Page, member: string, isChosen: boolean): Promise<void> {
    await page.getByRole('checkbox', { name: new RegExp(member) }).press('Space');
    await page.getByRole('checkbox', { name: new RegExp(member), checked: isChosen }).waitFor();
  }

  async function startAgain(page: Page, member: string): Promise<void> {
    await inject(page, member, 'start');
    await page.evaluate(() => (location.hash = '#/overview'));
    await page.getByText('3 of 3', { exact: true }).waitFor();
  }

  test('the rates of the overview rise with a burst of messages and fall after it', async () => {
    const page = await tests.open('overview');
    const received = (bound: number, isAbove: boolean): Promise<unknown> =>
      page.waitForFunction(
        ([limit, above]) => {
          const figures = [...document.querySelectorAll('.figure')];
          const figure = figures.find((each) => each.querySelector('dt')?.textContent === 'Received');
          const rate = Number.parseFloat(figure?.querySelector('dd')?.textContent?.replaceAll(',', '') ?? '');
          return above ? rate > limit : rate < limit;
        },
        [bound, isAbove] as const,
      );
    await received(0, true);
    const device = await tests.lab.connect('m2', 'burst');
    const burst = setInterval(() => device.publish('burst', 'x'), burstIntervalMs);
    try {
      await received(150, true);
    } finally {
      clearInterval(burst);
    }
    await received(150, false);
  });

  test('a member that the button kills loses no acknowledged message, and its clients move to other members', async () => {
    const page = await tests.open('clients');
    const killed = await memberOfApplication(page);
    const namesKilled = ({ clients }: LabState): boolean => clients.some(({ member }) => member === killed);
    const counts = ({ traffic }: LabState): number[] => traffic.map(({ acknowledged }) => acknowledged ?? 0);
    await until(async () => namesKilled(await tests.lab.state()));
    await inject(page, killed, 'kill');
    await page.getByRole('checkbox', { name: new RegExp(`${killed}.*ended`) }).waitFor();
    const before = counts(await tests.lab.state());
    await page.waitForFunction((id) => {
      const names = [...document.querySelectorAll('.gap-name')].map(({ textContent }) => textContent ?? '');
      return names.length > 0 && names.every((name) => / m\d$/.test(name) && !name.endsWith(id));
    }, killed);
    expect(await memberOfApplication(page, killed)).not.toBe(killed);

    // A message that is lost stays a difference between "sent" and "delivered" for ever.
    await until(async () => {
      const { traffic } = await tests.lab.state();
      const levels = traffic.filter(({ qos }) => qos > 0);
      return levels.every(
        ({ qos, sent, delivered, acknowledged }) => sent === delivered && acknowledged! > before[qos]!,
      );
    });
    await page.evaluate(() => (location.hash = '#/faults'));
    await page.getByRole('row', { name: /^Lost [\d,]+ 0 0$/ }).waitFor();
    await page.getByRole('row', { name: /^Duplicated 0 [\d,]+ 0$/ }).waitFor();
    await page
      .getByText(`kill:${killed.slice(1)}`, { exact: true })
      .first()
      .waitFor();
    await startAgain(page, killed);
  });

  test('the page goes on when the member that answers its requests is killed', async () => {
    const page = await tests.open('overview');
    const asked = page.locator('.lead b');
    const first = await asked.innerText();
    await inject(page, first, 'kill');
    await page.evaluate(() => (location.hash = '#/overview'));
    await page.waitForFunction((id) => {
      const member = document.querySelector('.lead b')?.textContent;
      return member !== undefined && member !== id;
    }, first);
    await page.getByRole('row', { name: new RegExp(`^${first} .*unreachable`) }).waitFor();
    await page
      .getByText(`The host of ${first} refuses connections: its process does not run.`)
      .first()
      .waitFor();
    await startAgain(page, first);
  });
});
