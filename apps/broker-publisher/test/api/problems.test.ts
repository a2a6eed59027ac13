import { connect } from 'node:net';
import { ApiClient, problemOf } from '../support/api-client.ts';
import { TestCluster } from '../support/test-cluster.ts';
import { host } from '@mqtt-cluster/testing';

let cluster: TestCluster;
let api: ApiClient;

beforeAll(async () => {
  cluster = await TestCluster.start(['m1']);
  api = new ApiClient(cluster.httpUrl('m1'));
});

afterAll(() => cluster.close());

const mistakes: readonly (readonly [string, string, unknown, number, RegExp])[] = [
  [
    'GET',
    '/clients?limit=0',
    undefined,
    400,
    /^the query parameter limit must be a whole number from 1 to 500$/,
  ],
  ['GET', '/clients?limit=many', undefined, 400, /limit must be a whole number/],
  ['GET', '/clients?limit=5&limit=6', undefined, 400, /limit occurs twice/],
  ['GET', '/clients?lmit=5', undefined, 400, /^the query has no parameter "lmit": it may have id, user/],
  ['GET', '/clients?after=nonsense', undefined, 400, /after must be the value next/],
  ['GET', '/clients?connected=perhaps', undefined, 400, /connected must be true or false/],
  ['GET', '/retained?filter=a%23', undefined, 400, /filter must be a topic filter/],
  ['GET', '/retained?after=MQ', undefined, 400, /after must be the value next/],
  ['GET', '/retained/message', undefined, 400, /^the query parameter topic is missing$/],
  ['DELETE', '/retained?filter=a', undefined, 400, /dryRun is missing/],
  ['GET', '/subscriptions?topic=a&filter=b', undefined, 400, /topic must be absent if filter is present/],
  ['DELETE', '/retained?filter=a&dryRun=false&limit=0', undefined, 400, /limit must be a whole number/],
  ['DELETE', '/retained?filter=a&dryRun=false&after=x', undefined, 400, /after must be the value next/],
  ['GET', '/events?after=x', undefined, 400, /after must be the value next/],
  ['GET', '/trace', undefined, 400, /client/],
  ['GET', '/trace?client=a&seconds=601', undefined, 400, /seconds must be a whole number from 1 to 600/],
  ['GET', '/subscribe?filter=a&qos=3', undefined, 400, /qos must be a whole number from 0 to 2/],
  ['GET', '/health?stop=nobody', undefined, 400, /stop must be the id of a member/],
  ['GET', '/members/m1/change-effect?action=burn', undefined, 400, /action must be remove, drain or add/],
  ['POST', '/publish', { topic: 'a/+', payload: '' }, 400, /^the field topic must be a topic name/],
  ['POST', '/publish', { topic: 'a', payload: '', qos: 3 }, 400, /the field qos/],
  ['POST', '/publish', { topic: 'a', payload: '', colour: 'red' }, 400, /^the body has no field "colour"/],
  ['POST', '/publish', [], 400, /^the body: must be an object$/],
  ['POST', '/publish', {}, 400, /^the field topic is missing$/],
  ['POST', '/clients/disconnect', { ids: [] }, 400, /the field ids/],
  ['PATCH', '/settings', { retainedMax: 0 }, 400, /the field retainedMax/],
  ['PATCH', '/settings', { unknown: 1 }, 400, /^the body has no field "unknown"/],
  ['PUT', '/users/bob', { password: 5 }, 400, /^the field password: must be a string$/],
  ['PUT', '/rules', { rules: [{ effect: 'allow' }] }, 400, /rules\.0/],
  ['POST', '/members/nobody/drain', {}, 404, /there is no member nobody/],
  ['GET', '/clients/nobody', undefined, 404, /there is no client "nobody"/],
  ['GET', '/nothing', undefined, 404, /no such path/],
  ['POST', '/overview', {}, 405, /does not support POST: it supports GET$/],
  ['PUT', '/clients/a', {}, 405, /it supports GET$/],
  ['DELETE', '/publish', undefined, 405, /it supports POST$/],
];

it.each(mistakes)(
  '%s %s with %j is refused with %i and one sentence',
  async (method, path, body, status, sentence) => {
    const problem = await api.problem(method, path, body);
    expect(problem.status).toBe(status);
    expect(problem.detail).toMatch(sentence);
    expect(problem.detail).not.toMatch(/\n/);
  },
);

it('names the allowed methods of a path in the header Allow', async () => {
  const { headers } = await api.send('PUT', '/retained');
  expect(headers.get('allow')).toBe('GET, DELETE');
});

it('refuses a body that is not JSON, and one of another content type', async () => {
  const broken = await api.raw('POST', '/publish', '{"topic":');
  expect([broken.status, ((await broken.json()) as { detail: string }).detail]).toEqual([
    400,
    'the body must be JSON: line 1, column 10 (the end of the text): the text is not JSON',
  ]);
  const form = await api.raw('POST', '/publish', 'topic=a', {
    'content-type': 'application/x-www-form-urlencoded',
  });
  expect(form.status).toBe(415);
  expect(((await form.json()) as { detail: string }).detail).toMatch(/must be application\/json$/);
});

it('refuses a body that is not UTF-8, with its line', async () => {
  const rules = Buffer.from(
    '{"rules":[\n{"effect":"deny","actions":["publish"],"topics":["gehe\xEFm"]}]}',
    'latin1',
  );
  const response = await api.raw('PUT', '/rules', rules);
  expect([response.status, ((await response.json()) as { detail: string }).detail]).toEqual([
    400,
    'the body must be JSON: line 2: the text is not UTF-8',
  ]);
});

it('refuses a body of more than 1 MiB', async () => {
  const response = await api.raw(
    'POST',
    '/publish',
    JSON.stringify({ topic: 'a', payload: 'x'.repeat(2 ** 20) }),
  );
  expect(response.status).toBe(413);
});

it('refuses a body of more than 8 KiB if the request needs no authorization, and no sign-in that can be right', async () => {
  const given = (length: number) => JSON.stringify({ user: 'x'.repeat(length), password: 'wrong' });
  const open = await api.raw('POST', '/sign-in', given(8 * 1024));
  expect([open.status, ((await open.json()) as { detail: string }).detail]).toEqual([
    413,
    'the body has more than 8192 bytes',
  ]);
  const longest = `{"user":"${'\\u0001'.repeat(256)}","password":"${'\\u0001'.repeat(1_024)}"}`;
  expect((await api.raw('POST', '/sign-in', longest)).status).toBe(401);
});

it('refuses a change without the header x-mqtt-cluster, and changes nothing', async () => {
  const url = `${cluster.httpUrl('m1')}/api/v1/settings`;
  const before = await (await fetch(url)).text();
  const response = await fetch(url, {
    method: 'PATCH',
    body: '{"retainedMax":5}',
    headers: { 'content-type': 'application/json' },
  });
  const { status, headers } = response;
  expect(problemOf({ status, headers, body: await response.json() })).toMatchObject({ status: 403 });
  expect(await (await fetch(url)).text()).toBe(before);
});

it('answers a path that is not valid percent-encoding', async () => {
  expect((await api.send('GET', '/clients/%zz')).status).toBe(404);
});

it('serves the next request after a request whose client has gone', async () => {
  const { http } = cluster.portsOf('m1');
  const socket = connect({ host, port: http });
  socket.write(`GET /api/v1/subscribe?filter=x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  expect((await api.send('GET', '/overview')).status).toBe(200);
});
