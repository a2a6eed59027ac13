import { TestCluster } from './cluster.ts';

test('the summaries of peers contain the API version that their hello messages announce', () => {
  const cluster = new TestCluster(['a', 'b'], { api: 1 });
  cluster.serve();
  expect(cluster.member('a').status().peers.b).toMatchObject({ api: 1 });
});

test('a member without the option announces no API version', () => {
  const cluster = new TestCluster(['a', 'b']);
  cluster.serve();
  expect(cluster.member('a').status().peers.b).not.toHaveProperty('api');
});

test('the member ignores questions and answers of peers, which the appliance handles', () => {
  const cluster = new TestCluster(['a', 'b'], { api: 1 });
  cluster.serve();
  const a = cluster.member('a');
  a.take();
  const body = new Uint8Array([0x31]);
  a.receive('b', { type: 'query', request: 1, kind: 'who', body });
  a.receive('b', { type: 'queryAnswer', request: 1, code: 200, body });
  expect(a.take()).toMatchObject({ send: [], effects: [], events: [], write: null });
});
