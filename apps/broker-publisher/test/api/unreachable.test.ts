import type { ClientSummary, MemberItem, Overview, Page } from '@mqtt-cluster/api';
import { until } from '@mqtt-cluster/testing';
import { ApiClient } from '../support/api-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;

afterEach(() => cluster.close());

it('answers from an isolated member, names the members that do not answer, and says what is wrong', async () => {
  cluster = await TestCluster.start(['m1', 'm2', 'm3']);
  const api = new ApiClient(cluster.httpUrl('m1'));
  await cluster.connect('m1', 'client-here', { clean: false });
  await cluster.connect('m2', 'client-there', { clean: false });
  await until(async () => {
    const { items } = await api.ok<Page<ClientSummary>>(
      'listClients',
      'GET',
      '/clients?id=client-&connected=true',
    );
    return items.length === 2;
  });
  await cluster.stop('m2', 'm3');
  await until(async () => (await cluster.status('m1')).state === 'isolated');
  const overview = await api.ok<Overview & { unreachable: string[] }>('getOverview', 'GET', '/overview');
  expect(overview.unreachable).toEqual(['m2', 'm3']);
  const lost = overview.members.filter(({ id }) => id !== 'm1') as MemberItem[];
  expect(
    lost.map(({ reachable, state, role, lag, clients }) => [reachable, state, role, lag, clients]),
  ).toEqual([
    [false, null, null, null, null],
    [false, null, null, null, null],
  ]);
  expect(lost.every(({ unreachableReason }) => unreachableReason !== undefined)).toBe(true);
  const texts = overview.problems.map(({ text }) => text);
  expect(texts).toContainEqual(expect.stringMatching(/^m1 is isolated: it reaches no majority/));
  expect(texts).toContainEqual(expect.stringMatching(/^Only 1 of 3 voters answer/));
  expect(overview.problems.every(({ runbook = '' }) => /^monitoring\/runbooks\/\w+\.md$/.test(runbook))).toBe(
    true,
  );
  const page = await api.ok<Page<ClientSummary>>('listClients', 'GET', '/clients?id=client-');
  expect(page.items.map(({ id }) => id)).toContain('client-here');
  const effect = await api.ok<{ allowed: boolean }>(
    'getChangeEffect',
    'GET',
    '/members/m2/change-effect?action=remove',
  );
  expect(effect.allowed).toBe(false);
});

it('refuses a backup at an isolated member, unless the request accepts an old state', async () => {
  cluster = await TestCluster.start(['m1', 'm2', 'm3']);
  const api = new ApiClient(cluster.httpUrl('m1'));
  // An election on a busy machine makes the member refuse for a moment.
  await until(async () => (await api.raw('GET', '/backup')).status === 200);
  await cluster.stop('m2', 'm3');
  await until(async () => (await cluster.status('m1')).state === 'isolated');
  const refusal = /^the state of this member may be old: m1 sees no majority.* with stale=true$/;
  expect(await api.problem('GET', '/backup')).toMatchObject({
    status: 409,
    detail: expect.stringMatching(refusal),
  });
  expect(await api.problem('GET', '/backup?stale=false')).toMatchObject({ status: 409 });
  const older = await cluster.get('m1', '/admin/backup');
  expect([older.status, ((await older.json()) as { error: string }).error]).toEqual([
    409,
    expect.stringMatching(refusal),
  ]);
  const last = await api.raw('GET', '/backup?stale=true');
  expect([last.status, last.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
  expect((await cluster.get('m1', '/admin/backup?stale=true')).status).toBe(200);
  // Clients may connect, so the member is ready.
  expect((await cluster.get('m1', '/readyz')).status).toBe(200);
});

it('reports no lag of a member that does not answer, because what the leader knows of it is old', async () => {
  cluster = await TestCluster.start(['m1', 'm2', 'm3']);
  const { leader } = await cluster.status('m1');
  const [stopped = '', asked = ''] = ['m1', 'm2', 'm3'].filter((id) => id !== leader);
  await cluster.stop(stopped);
  const api = new ApiClient(cluster.httpUrl(asked));
  await until(async () => {
    const { unreachable } = await api.ok<Overview & { unreachable: string[] }>(
      'getOverview',
      'GET',
      '/overview',
    );
    return unreachable.includes(stopped);
  });
  const { members } = await api.ok<Overview>('getOverview', 'GET', '/overview');
  expect(members.filter(({ lag }) => lag === null).map(({ id }) => id)).toEqual([stopped]);
});
