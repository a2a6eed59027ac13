import { expect, test } from '@jest/globals';
import { requiring } from '@mqtt-cluster/testing';
import { consoleTests } from '../support/console-tests.ts';

requiring('chromium')('the page Links', () => {
  const tests = consoleTests();

  test('shows state, kind, runner, waiting messages, their age, counters and what is wrong', async () => {
    const page = await tests.open('links');
    const link = page.getByRole('row', { name: /head-office/ });
    await link.waitFor();
    const cells = await link.getByRole('cell').allInnerTexts();
    expect(cells.map((text) => text.replaceAll('\n', ' '))).toEqual([
      'connecting',
      'JetStream SITES',
      'm2',
      '18,244',
      '1 h 2 min',
      '12,015',
      '321',
      '33',
      'Test Pause Remove',
    ]);
    expect(await page.locator('.strip').allInnerTexts()).toEqual([
      'head-office: nats://10.0.9.1:4222: the other broker refused the connection: the user name or password is wrong',
    ]);
  });

  test('shows the rules of one link with both topics, and why a member may not run it', async () => {
    const page = await tests.open('links/south');
    await page.getByText('the file plant-password is missing').waitFor();
    await page.getByText('m1 and m2', { exact: true }).waitFor();
    await page.getByText('Messages a second at most1,500').waitFor();
    const rules = page.getByRole('region', { name: 'Rules of south' }).getByRole('row');
    expect(await rules.allInnerTexts()).toEqual([
      'Direction\tFrom\tTo\tQoS at most\tRetained',
      'out\tsite/#\tnorth/site/#\t1\tnot kept',
      'in\torders/#\torders/#\t1\tkept',
    ]);
  });

  test('says that there is no link, and adds one', async () => {
    tests.api.cluster.links = [];
    const page = await tests.open('links');
    await page.getByText('The cluster has no link.').waitFor();
    const add = page.getByRole('button', { name: 'Add the link…' });
    expect(await add.isDisabled()).toBe(true);
    await page.getByLabel('Name of the link').fill('plant');
    await page.getByLabel('Definition').fill('{');
    await page.getByText('This is no JSON').waitFor();
    expect(await add.isDisabled()).toBe(true);
    await page.getByLabel('Definition').fill('{}');
    await add.click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByText('addresses: must be an array').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Definition').fill('{"addresses":["mqtt://10.0.9.1:1883"],"rules":[]}');
    await add.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    await page.getByText('the link plant is defined').waitFor();
    await page.getByRole('link', { name: 'plant', exact: true }).waitFor();
  });

  test('pauses, resumes, tests and removes a link only after a dialog', async () => {
    const page = await tests.open('links');
    for (const [button, action, text] of [
      ['Pause south', 'Pause', 'the link south is paused'],
      ['Resume south', 'Resume', 'the link south is resumed'],
      ['Test south', 'Test', 'south: mqtt://10.0.9.1:1883: accepted the connection'],
      ['Remove south', 'Remove', 'the link south is removed'],
    ] as const) {
      const before = tests.api.cluster.changes.length;
      await page.getByRole('button', { name: button }).click();
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      expect(tests.api.cluster.changes).toHaveLength(before);
      await dialog.getByRole('button', { name: action }).click();
      await page.getByText(text).waitFor();
    }
    await page.getByRole('link', { name: 'south' }).waitFor({ state: 'detached' });
    expect(tests.api.cluster.changes).toEqual([
      'POST /links/south/pause',
      'POST /links/south/resume',
      'POST /links/south/test',
      'DELETE /links/south',
    ]);
  });

  test('offers a viewer no change, and an operator all but adding and removing', async () => {
    tests.api.cluster.role = 'viewer';
    const viewer = await tests.open('links');
    await viewer.getByRole('link', { name: 'south' }).waitFor();
    expect(await viewer.getByRole('button', { name: /south|Add the link/ }).count()).toBe(0);
    tests.api.cluster.role = 'operator';
    const operator = await tests.open('links');
    await operator.getByRole('button', { name: 'Pause south' }).waitFor();
    expect(await operator.getByRole('button', { name: /Remove|Add the link/ }).count()).toBe(0);
  });
});
