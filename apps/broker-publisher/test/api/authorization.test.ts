import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiActs, routes } from '@mqtt-cluster/api';
import type { OperationId } from '@mqtt-cluster/api';
import { until } from '@mqtt-cluster/testing';
import { roleOfAct } from '../../src/admin/access/admin-roles.ts';
import { ApiClient, readEvents } from '../support/api-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

const roles = ['viewer', 'operator', 'admin'] as const;
const token = 'a-token-of-this-test';
const basic = (user: string, password = 'secret-of-user') => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
let cluster: TestCluster;
let admin: ApiClient;

const as = (user: string) => new ApiClient(cluster.httpUrl('a'), basic(user));

beforeAll(async () => {
  cluster = await TestCluster.create(['a']);
  const tokenFile = join(cluster.directory, 'token');
  writeFileSync(tokenFile, token);
  await cluster.start('a', { admin: { tokenFile } });
  await cluster.serving('a');
  admin = new ApiClient(cluster.httpUrl('a'), { authorization: `Bearer ${token}` });
  const put = async (name: string, user: object) => (await admin.send('PUT', `/users/${name}`, user)).status;
  // The cluster accepts users once it has its semantics version.
  for (const role of roles)
    await until(async () => (await put(role, { password: 'secret-of-user', role })) === 200);
  await admin.ok('putUser', 'PUT', '/users/nobody', { password: 'secret-of-user' });
});

afterAll(() => cluster.close());

/** The operations that need a role. Their path parameters name nothing that exists. */
const operations = (Object.keys(apiActs) as OperationId[])
  .filter((id) => apiActs[id].role !== null)
  .map((id) => ({
    id,
    method: routes[id].method.toUpperCase(),
    path: routes[id].path.replace(/\{\w+\}/, 'nothing'),
  }));

it.each(operations)('$id: exactly the roles of the table may send it', async ({ id, method, path }) => {
  const needed = roles.indexOf(apiActs[id].role!);
  for (const [index, role] of roles.entries()) {
    // A body that no operation accepts: an authorized request changes nothing.
    const { status } = await as(role).send(method, path, method === 'GET' ? undefined : { no: 'such field' });
    if (index < needed) expect(status).toBe(403);
    else expect([401, 403]).not.toContain(status);
  }
  const { status, headers } = await new ApiClient(cluster.httpUrl('a')).send(method, path);
  expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="mqtt-cluster"']);
});

it('uses the roles that the older paths use for the same acts', () => {
  for (const { act, role } of Object.values(apiActs))
    if (act !== null) expect([act, roleOfAct[act]]).toEqual([act, role]);
});

it('refuses a user without a role, and wrong credentials', async () => {
  expect(await as('nobody').problem('GET', '/overview')).toMatchObject({ status: 403 });
  const wrong = new ApiClient(cluster.httpUrl('a'), basic('admin', 'wrong'));
  expect(await wrong.problem('GET', '/overview')).toMatchObject({
    status: 401,
    detail: expect.stringMatching(/wrong/),
  });
});

it('serves the health and the document without credentials', async () => {
  const stranger = new ApiClient(cluster.httpUrl('a'));
  expect((await stranger.send('GET', '/openapi.json')).status).toBe(200);
  expect((await stranger.send('GET', '/health')).status).toBe(200);
});

describe('the access rules of the caller', () => {
  beforeAll(async () => {
    const allow = {
      effect: 'allow',
      actions: ['publish', 'subscribe'],
      topics: ['mine/#'],
      users: ['operator'],
    };
    await admin.ok('replaceRules', 'PUT', '/rules', { rules: [allow] });
  });

  it('bind a publish and a subscribe of a user', async () => {
    const operator = as('operator');
    const publish = (topic: string) => ({ topic, payload: 'x', qos: 1 });
    await operator.ok('publish', 'POST', '/publish', publish('mine/a'));
    expect(await operator.problem('POST', '/publish', publish('other/a'))).toEqual({
      status: 403,
      detail: 'the message was refused: the access rules do not permit it',
    });
    expect(await operator.problem('GET', '/subscribe?filter=other/a')).toMatchObject({ status: 403 });
    const stream = await operator.raw('GET', '/subscribe?filter=mine/b&max=1');
    const events = readEvents(stream);
    await operator.ok('publish', 'POST', '/publish', publish('mine/b'));
    expect((await events).map(({ data }) => (data as { topic: string }).topic)).toEqual(['mine/b']);
  });

  it.each([0, 1, 2])('refuse a publish with QoS %i, also to reserved topics', async (qos) => {
    const operator = as('operator');
    for (const topic of ['other/a', '$SYS/x', '$cluster/admin/bootstrap']) {
      const problem = await operator.problem('POST', '/publish', { topic, payload: 'x', qos });
      expect([topic, problem.status]).toEqual([topic, 403]);
    }
    for (const topic of ['$SYS/x', '$bridge/x']) {
      const problem = await admin.problem('POST', '/publish', { topic, payload: 'x', qos });
      expect([topic, problem.status]).toEqual([topic, 403]);
    }
    const accepted = await operator.ok('publish', 'POST', '/publish', { topic: 'mine/a', payload: 'x', qos });
    expect(accepted).toMatchObject({ acknowledged: qos > 0 });
  });

  it('do not bind the admin token', async () => {
    await admin.ok('publish', 'POST', '/publish', { topic: 'other/a', payload: 'x', qos: 1 });
  });
});

it('deletes the session of a client of any user', async () => {
  await admin.ok('replaceRules', 'PUT', '/rules', { rules: [] });
  const stream = await as('operator').raw('GET', '/subscribe?filter=owned&seconds=60');
  const owned = async () => {
    const { body } = await admin.send('GET', '/clients?user=operator');
    return (body as { items: { id: string }[] }).items;
  };
  await until(async () => (await owned()).length === 1);
  const [{ id }] = (await owned()) as [{ id: string }];
  expect(await as('operator').ok('deleteSession', 'DELETE', `/clients/${id}/session`)).toEqual({
    deleted: true,
  });
  await until(async () => (await owned()).length === 0);
  expect(await readEvents(stream)).toEqual([]);
});

it('counts each change and each refusal in the audit', async () => {
  const counts = async () => {
    const text = await (await cluster.get('a', '/metrics')).text();
    const of = (outcome: string) =>
      Number(
        new RegExp(`mqtt_cluster_admin_requests_total\\{outcome="${outcome}".*\\} (\\d+)`).exec(text)?.[1],
      );
    return { done: of('done'), failed: of('failed'), refused: of('refused') };
  };
  const before = await counts();
  await admin.ok('changeSettings', 'PATCH', '/settings', { retainedMax: 500 });
  await admin.problem('DELETE', '/users/none');
  await as('viewer').problem('PATCH', '/settings', { retainedMax: 1 });
  await admin.ok('getSettings', 'GET', '/settings');
  await until(async () => (await counts()).refused > before.refused);
  expect(await counts()).toEqual({
    done: before.done + 1,
    failed: before.failed + 1,
    refused: before.refused + 1,
  });
});
