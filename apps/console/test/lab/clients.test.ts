import { expect, test } from '@jest/globals';
import { requiring, until } from '@mqtt-cluster/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { labTests } from '../support/lab-tests.ts';

const folder = mkdtempSync(join(tmpdir(), 'console-token-'));
const tokenFile = join(folder, 'token');
const token = 'a-token-of-this-test-only';
writeFileSync(tokenFile, token);
const password = 'correct horse battery staple';
const publishEveryMs = 200;

async function signIn(page: Page, user: string, given: string): Promise<void> {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(given);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

requiring('chromium')('the console of a running lab with users', () => {
  // A member with a token admits no request without credentials, also from this host.
  const tests = labTests({ members: 2, ports: 8, settings: { 'admin.tokenFile': tokenFile } });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function openAs(user: string, given: string, route: string): Promise<Page> {
    const page = await tests.open(route);
    await signIn(page, user, given);
    return page;
  }

  test('admits no one without a password, and a new user with what its role permits', async () => {
    const page = await openAs('admin', 'a wrong password', 'users');
    await page.getByText(/the user name or the password is wrong/i).waitFor();
    await signIn(page, 'admin', token);
    await page.getByText('Add or change a user').click();
    await page.getByLabel('User name').fill('olga');
    await page.getByLabel('Password').fill(password);
    await page.getByLabel('Role in the administration').selectOption('operator');
    await page.getByRole('button', { name: 'Save the user' }).click();
    await page.getByRole('row', { name: /olga operator/ }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate(async () => (await fetch('/api/v1/users')).status)).toBe(401);

    await signIn(page, 'olga', password);
    await page.getByText('olga · operator').waitFor();
    await page.evaluate(() => (location.hash = '#/overview'));
    await page.getByText('2 of 2', { exact: true }).waitFor();
    expect(await page.getByRole('link', { name: 'Users and rules' }).count()).toBe(0);
    expect(await page.evaluate(async () => (await fetch('/api/v1/users')).status)).toBe(403);
  });

  test('disconnects a client, and shows why its connection ended', async () => {
    const device = await tests.lab.connect('m2', 'press-4', { clean: false });
    const closed = new Promise<void>((resolve) => device.once('close', () => resolve()));
    const page = await openAs('olga', password, 'clients?id=press-4');
    await page.getByRole('row', { name: /press-4 connected m2/ }).waitFor();
    await page.getByLabel('Choose client press-4').check();
    await page.getByRole('button', { name: 'Disconnect 1 client' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText('1 connection closed.').waitFor();
    await closed;
    await page.getByRole('row', { name: /press-4 offline/ }).waitFor();
    await page.getByRole('link', { name: 'press-4' }).click();
    await page.getByText('an operator ended the connection').first().waitFor();
  });

  test('deletes the retained messages of a filter after a dry run has counted them, and no other ones', async () => {
    const device = await tests.lab.connect('m1', 'shelf');
    const retain = (topic: string): Promise<unknown> =>
      device.publishAsync(topic, 'set', { qos: 1, retain: true });
    await Promise.all(['a/1', 'a/2', 'a/3', 'b/1', 'b/2'].map((name) => retain(`shelf/${name}`)));
    const topics = async (): Promise<string[]> => {
      const reader = await tests.lab.connect('m2', 'shelf-reader');
      const found: string[] = [];
      reader.on('message', (topic) => found.push(topic));
      await reader.subscribeAsync(['shelf/#', 'marker'], { qos: 1 });
      // Retained messages are delivered before a message that is published after the subscription.
      await reader.publishAsync('marker', 'x', { qos: 1 });
      await until(() => found.includes('marker'));
      await reader.endAsync();
      return found.filter((topic) => topic !== 'marker').sort();
    };
    const all = ['shelf/a/1', 'shelf/a/2', 'shelf/a/3', 'shelf/b/1', 'shelf/b/2'];
    const page = await openAs('olga', password, 'retained');
    await page.getByLabel('Topic filter').fill('shelf/a/#');
    await page.getByRole('link', { name: 'shelf/b/1' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete all that match…' }).click();
    await page
      .getByRole('dialog')
      .getByText(/A dry run found 3 retained messages that match/)
      .waitFor();
    expect(await topics()).toEqual(all);
    await page.getByRole('button', { name: 'Delete all', exact: true }).click();
    await page.getByText('3 retained messages deleted.').waitFor();
    expect(await topics()).toEqual(['shelf/b/1', 'shelf/b/2']);
  });

  test('publishes from the page to a client of another member, and shows what that client publishes', async () => {
    const device = await tests.lab.connect('m2', 'lamp');
    const received: string[] = [];
    device.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`));
    await device.subscribeAsync('lamp/set', { qos: 1 });
    const page = await openAs('olga', password, 'try');
    await page.getByText('As the user olga. The access rules hold.').waitFor();
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByText('connected', { exact: true }).waitFor();
    await page.getByLabel('Topic filter').fill('lamp/state');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await page.getByRole('list', { name: 'Subscriptions of this page' }).getByText('lamp/state').waitFor();
    await page.getByLabel('Topic', { exact: true }).fill('lamp/set');
    await page.getByLabel('Payload', { exact: true }).fill('on');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    const messages = page.getByRole('list', { name: 'Messages' });
    await messages.getByText('acknowledged').waitFor();
    await until(() => received.length > 0);
    expect(received).toEqual(['lamp/set on']);
    await device.publishAsync('lamp/state', 'is on', { qos: 1 });
    await messages.getByText('is on').waitFor();
  });

  test('shows each packet of a traced client with the decision of its member', async () => {
    const device = await tests.lab.connect('m2', 'meter-7');
    const page = await openAs('admin', token, 'trace?client=meter-7');
    await page.getByRole('button', { name: 'Start the trace' }).click();
    // The page does not show when the members have begun to trace.
    const publishing = setInterval(() => device.publish('meter/7', '21', { qos: 1 }), publishEveryMs);
    try {
      const row = (text: RegExp): Promise<void> => page.getByRole('row', { name: text }).first().waitFor();
      await row(/ m2 meter-7 .*from the client PUBLISH \d+ meter\/7 QoS 1/);
      await row(/ m2 meter-7 .*to the client PUBACK/);
    } finally {
      clearInterval(publishing);
    }
    const texts = await page.getByRole('table').innerText();
    expect(texts).not.toContain('lab-client');
  });
});
