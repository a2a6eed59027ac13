import { expect, test } from '@jest/globals';
import { requiring } from '@mqtt-cluster/testing';
import { consoleTests } from '../support/console-tests.ts';

requiring('chromium')('what a user changes in the console', () => {
  const tests = consoleTests();

  test('deletes retained messages by filter after a dry run has counted them', async () => {
    const page = await tests.open('retained');
    await page.getByLabel('Topic filter').fill('plant/line2/#');
    await page
      .getByRole('link', { name: 'plant/line1/sensor001/configuration' })
      .waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete all that match…' }).click();
    const before = tests.api.cluster.retained.length;
    await page
      .getByRole('dialog')
      .getByText(/A dry run found 43 retained messages that match/)
      .waitFor();
    expect(tests.api.cluster.retained).toHaveLength(before);
    await page.getByRole('button', { name: 'Delete all', exact: true }).click();
    await page.getByText('43 retained messages deleted.').waitFor();
    expect(tests.api.cluster.retained.filter(({ topic }) => topic.startsWith('plant/line2/'))).toEqual([]);
    expect(tests.api.cluster.retained).toHaveLength(before - 43);
  });

  test('shows how far a long deletion is, and ends it when the dialog is closed', async () => {
    tests.api.cluster.deletedAtOnceMax = 20;
    const page = await tests.open('retained?filter=plant/line2/%23');
    const deletions = /retained\?.*dryRun=false/;
    let requests = 0;
    await page.route(deletions, async (route) => {
      requests += 1;
      if (requests === 2) {
        await page.getByText('20 of about 43 deleted.').waitFor();
        await page.getByRole('button', { name: 'Cancel' }).click();
      }
      await route.continue();
    });
    await page.getByRole('button', { name: 'Delete all that match…' }).click();
    await page.getByRole('button', { name: 'Delete all', exact: true }).click();
    await page.getByText('40 retained messages deleted. The others stay.').waitFor();
    expect(requests).toBe(2);
  });

  test('ends a deletion with an answer that has no cursor', async () => {
    const page = await tests.open('retained?filter=plant/line2/%23');
    let requests = 0;
    await page.route(/retained\?.*dryRun=false/, async (route) => {
      requests += 1;
      if (requests > 1) return route.abort();
      await route.fulfill({ json: { matched: 43, deleted: 43, dryRun: false } });
    });
    await page.getByRole('button', { name: 'Delete all that match…' }).click();
    await page.getByRole('button', { name: 'Delete all', exact: true }).click();
    await page.getByText('43 retained messages deleted.', { exact: true }).waitFor();
    expect(requests).toBe(1);
  });

  test('shows the packets of a trace while it runs, and ends the stream when the page is left', async () => {
    const page = await tests.open('trace?client=scada-0004');
    await page.getByRole('button', { name: 'Start the trace' }).click();
    await page.getByText('The trace runs. No packet has matched yet.').waitFor();
    while (tests.api.openTraces === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    tests.api.trace({
      atMs: 1,
      member: 'm4',
      client: 'scada-0004',
      direction: 'in',
      packet: 'publish',
      topic: 'plant/<b>x</b>',
      qos: 1,
      bytes: 30,
      decision: 'accepted',
    });
    await page
      .getByRole('row', { name: /m4 scada-0004 .*from the client PUBLISH .*plant\/<b>x<\/b> QoS 1/ })
      .waitFor();
    await page.getByRole('link', { name: 'Events' }).click();
    while (tests.api.openTraces > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  test('removes a member only after the dialog has shown what happens to the majority', async () => {
    const page = await tests.open('cluster');
    await page.getByRole('button', { name: 'Remove m2' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Without m2 the cluster has 6 voters.').waitFor();
    await dialog.getByText('Voters: 7 now, 6 afterwards. A majority is reachable afterwards.').waitFor();
    expect(tests.api.cluster.changes).toEqual([]);
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('m2 was removed.').waitFor();
    expect(tests.api.cluster.changes).toEqual(['DELETE /members/m2?force=false']);
  });

  test('a dialog closes with Escape and changes nothing', async () => {
    const page = await tests.open('cluster');
    await page.getByRole('button', { name: 'Drain m2' }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(tests.api.cluster.changes).toEqual([]);
  });

  test('changes a setting with a size in words, and keeps the dialog open when the value is wrong', async () => {
    const page = await tests.open('cluster');
    await page.getByRole('button', { name: 'Change Queue of an offline session, size' }).click();
    await page.getByLabel('New value').fill('lots');
    await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
    await page.getByText('Enter a size, such as 67108864 or 64 MiB.').waitFor();
    await page.getByLabel('New value').fill('32 MiB');
    await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
    await page.getByText('Queue of an offline session, size was changed.').waitFor();
    expect(tests.api.cluster.settings['queuedBytesMax']).toBe(32 * 1024 * 1024);
  });

  test('a fault button sends the fault of the chosen member', async () => {
    const page = await tests.open('faults');
    await page.getByRole('checkbox', { name: /m2/ }).check();
    await page.getByRole('button', { name: 'kill' }).click();
    await page.getByText('kill:2: done').waitFor();
    expect(tests.api.cluster.lab.history.at(-1)?.text).toBe('kill:2');
  });

  test('a lab without a load offers the faults, and says why no message is counted', async () => {
    tests.api.cluster.lab = { ...tests.api.cluster.lab, traffic: [], clients: [] };
    const page = await tests.open('faults');
    await page.getByText('This lab runs without publishers and subscribers.').waitFor();
    expect(await page.getByRole('heading', { name: 'Gaps of the clients' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'kill' }).count()).toBe(1);
  });

  test('a member outside a lab offers no faults', async () => {
    tests.api.cluster.isLab = false;
    const page = await tests.open('faults');
    await page.getByText('There is no such page.').waitFor();
    expect(await page.getByRole('link', { name: 'Faults' }).count()).toBe(0);
  });
});
