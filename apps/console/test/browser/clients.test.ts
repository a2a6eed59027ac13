import { expect, test } from '@jest/globals';
import { requiring } from '@mqtt-cluster/testing';
import { consoleTests } from '../support/console-tests.ts';

requiring('chromium')('the console in Chromium', () => {
  const tests = consoleTests();
  const { open } = tests;

  test('asks for user and password, and shows the sentence of a refusal', async () => {
    tests.api.cluster.password = 'correct horse';
    tests.api.cluster.isAnonymous = false;
    const page = await open('overview');
    await page.getByLabel('User').fill('ann');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The user or the password is wrong.').waitFor();
    await page.getByLabel('Password').fill('correct horse');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(tests.api.cluster.signedIn).toBeNull();
  });

  test('the figures of the overview move by themselves', async () => {
    const page = await open('overview');
    const figures = page.getByLabel('The cluster now');
    await figures.waitFor();
    const before = await figures.innerText();
    await page.waitForFunction(
      (old) => document.querySelector<HTMLElement>('.figures')?.innerText !== old,
      before,
    );
  });

  test('names the members that do not answer and the isolated member that serves the page', async () => {
    tests.api.cluster.unreachable = ['m4', 'm5'];
    tests.api.cluster.isIsolated = true;
    const page = await open('overview');
    await page.getByText('m1, which serves this page, is isolated').waitFor();
    await page.getByText('m1 does not reach m4 and m5').waitFor();
    await page.getByRole('row', { name: /m4.*unreachable.*no message on the link for 12 s/ }).waitFor();
    await page.getByRole('link', { name: 'Runbook' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'MqttClusterMemberDown' }).waitFor();
    await page.getByText('Start the service again. The member catches up by itself').waitFor();
  });

  test('the list of clients names unreachable and too old members', async () => {
    tests.api.cluster.unreachable = ['m4'];
    tests.api.cluster.tooOld = ['m7'];
    const page = await open('clients');
    await page.getByText('m4 did not answer. m7 runs an older version').waitFor();
  });

  test('searches and pages without leaving a row of the page before', async () => {
    const page = await open('clients');
    await page.getByLabel('Identifier contains').fill('scada');
    await page.getByRole('link', { name: 'scada-0004' }).waitFor();
    await page.getByRole('link', { name: 'sensor-line1-0001' }).waitFor({ state: 'detached' });
    await page.getByLabel('Identifier contains').fill('');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('link', { name: 'scada-0100' }).waitFor();
    expect(await page.getByRole('link', { name: 'sensor-line1-0001' }).count()).toBe(0);
    await page.getByText('Page 2').waitFor();
    await page.getByRole('button', { name: 'Previous' }).click();
    await page.getByRole('link', { name: 'sensor-line1-0001' }).waitFor();
  });

  test('lists all subscriptions, and those that would receive a topic or have exactly a filter', async () => {
    const page = await open('subscriptions');
    await page.getByRole('row', { name: /scada-0004 plant\/# QoS 1 .*connected m4/ }).waitFor();
    await page.getByRole('row', { name: /sensor-line1-0005 plant\/\+\/value QoS 2 .*offline/ }).waitFor();
    const asked = (search: RegExp) => page.waitForRequest((request) => search.test(request.url()));
    const byTopic = asked(/\/subscriptions\?(.*&)?topic=plant%2Fx$/);
    await page.getByLabel('Would receive this topic').fill('plant/x');
    await byTopic;
    const byFilter = asked(/\/subscriptions\?(.*&)?filter=plant%2F%23$/);
    await page.getByLabel('Exactly this filter').fill('plant/#');
    await byFilter;
    expect(await page.getByLabel('Would receive this topic').inputValue()).toBe('');
  });

  test('disconnects a chosen client only after the user has confirmed it', async () => {
    const page = await open('clients?id=scada-0004');
    await page.getByLabel('Choose client scada-0004').check();
    await page.getByRole('button', { name: 'Disconnect 1 client' }).click();
    await page.getByRole('dialog').getByText('queued messages stay').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(tests.api.cluster.changes).toEqual([]);
    await page.getByRole('button', { name: 'Disconnect 1 client' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText('1 connection closed.').waitFor();
    await page.getByRole('cell', { name: 'offline' }).waitFor();
    expect(tests.api.cluster.changes).toEqual(['POST /clients/disconnect']);
  });

  test('a viewer sees no button that changes something, and why', async () => {
    tests.api.cluster.role = 'viewer';
    const page = await open('clients/scada-0004');
    await page
      .getByText(
        'To disconnect a client or delete its session you need the role operator or admin. You have the role viewer.',
      )
      .waitFor();
    expect(await page.getByRole('button', { name: /Disconnect|Delete/ }).count()).toBe(0);
  });

  test('asks nothing while the page is hidden, and at once when it is shown again', async () => {
    const page = await open('overview');
    await page.clock.install();
    await page.reload();
    await page.getByLabel('The cluster now').waitFor();
    const setVisibility = (state: string): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'visibilityState', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, state);
    await setVisibility('hidden');
    const { polls } = tests.api.cluster;
    await page.clock.runFor(60_000);
    expect(tests.api.cluster.polls).toBe(polls);
    const asked = page.waitForResponse(/overview/);
    await setVisibility('visible');
    await asked;
    expect(tests.api.cluster.polls).toBe(polls + 1);
  });
});
