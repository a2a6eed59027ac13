import { test } from '@jest/globals';
import { requiring } from '@mqtt-cluster/testing';
import { labTests } from '../support/lab-tests.ts';

requiring('chromium')('the console of a member of seven', () => {
  const tests = labTests({ members: 7, ports: 9 });
  const atMember = (id: string): string => `http://${tests.lab.member(id).http}`;

  test('names three members that are paused, on the overview and in the events', async () => {
    await tests.lab.fault('pause:5+6+7');
    const page = await tests.open('overview', atMember('m1'));
    await page.getByText('m1 does not reach m5, m6 and m7. Figures of these members are missing.').waitFor();
    await page.getByText('4 of 7', { exact: true }).waitFor();
    for (const id of ['m5', 'm6', 'm7'])
      await page.getByRole('row', { name: new RegExp(`^${id} .*unreachable`) }).waitFor();
    await page.getByText(/The loss of one more voter ends the majority: 4 of 7 answer/).waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).click();
    await page.getByText('m5, m6 and m7 did not answer.').waitFor();
    await tests.lab.fault('resume:5+6+7');
    await page.getByText('m5, m6 and m7 did not answer.').waitFor({ state: 'detached' });
  });

  test('of an isolated member says that this member is isolated, and names all others', async () => {
    await tests.lab.fault('cut:2');
    const page = await tests.open('overview', atMember('m2'));
    await page.getByText('m2, which serves this page, is isolated').waitFor();
    await page.getByText('m2 does not reach m1, m3, m4, m5, m6 and m7.').waitFor();
    await page.getByText('Only 1 of 7 voters answer: that is no majority.').waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).click();
    await page.getByText('m1, m3, m4, m5, m6 and m7 did not answer.').waitFor();
    await tests.lab.fault('heal');
    await page.getByText('m2, which serves this page, is isolated').waitFor({ state: 'detached' });
  });
});
