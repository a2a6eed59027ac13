import { silentLogger } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import type { HttpRequest } from '@mqtt-cluster/runtime';
import { AuditLog, wayOf, withoutSecrets } from '../../src/admin/access/audit-log.ts';
import { adminRoutes } from '../../src/admin/routes.ts';
import type { RouteComponents } from '../../src/admin/routes.ts';

function record(): { readonly audit: AuditLog; readonly lines: object[]; advance(ms: number): void } {
  const lines: object[] = [];
  let nowMs = 0;
  const write = (fields: object): void => void lines.push(fields);
  const logger = { ...silentLogger, info: write, warn: write } as unknown as Logger;
  return { audit: new AuditLog(logger, noMetrics, () => nowMs), lines, advance: (ms) => void (nowMs += ms) };
}

test('each administrative act is one line with actor, role, address, action, parameters and outcome', () => {
  const { audit, lines } = record();
  const act = {
    way: 'http',
    action: 'remove',
    actor: { name: 'ada', role: 'admin' },
    address: '192.0.2.1',
    parameters: { id: 'b', force: true },
  } as const;
  audit.onAct(act, 200);
  audit.onAct(act, 409);
  const line = {
    audit: true,
    way: 'http',
    actor: 'ada',
    role: 'admin',
    address: '192.0.2.1',
    action: 'remove',
  };
  expect(lines).toEqual([
    { ...line, parameters: { id: 'b', force: true }, outcome: 'done', code: 200 },
    { ...line, parameters: { id: 'b', force: true }, outcome: 'failed', code: 409 },
  ]);
});

test.each([
  ['mqtt-cluster', 'command line'],
  // The admin command of older versions.
  ['mqtt-cluster-admin', 'command line'],
  ['Mozilla/5.0', 'http'],
  [undefined, 'http'],
])('a request with the user agent %s came by %s', (agent, way) => {
  expect(wayOf(agent === undefined ? {} : { 'user-agent': agent })).toBe(way);
});

test('a line shows no password, hash or token, and no long value', () => {
  expect(
    withoutSecrets({
      password: 'p',
      passwordHash: 'h',
      adminToken: 't',
      users: [{ name: 'ada', passwordHash: 'h' }],
      text: 'x'.repeat(1_000),
      deep: { a: { b: { c: { d: 1 } } } },
    }),
  ).toEqual({
    password: '(not shown)',
    passwordHash: '(not shown)',
    adminToken: '(not shown)',
    users: [{ name: 'ada', passwordHash: '(not shown)' }],
    text: 'x'.repeat(200),
    deep: { a: { b: { c: '(not shown)' } } },
  });
});

test('a thousand refusals cost two lines, and the second has their number', () => {
  const { audit, lines, advance } = record();
  for (let number = 0; number < 1_000; number++) {
    audit.onRefusal({ action: `act-${number}`, address: '192.0.2.1', reason: 'wrong' }, false);
  }
  expect(lines).toHaveLength(1);
  advance(10_000);
  audit.flush();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatchObject({ audit: true, outcome: 'refused', refusals: 999 });
});

test('a field of the query or of the body does not replace the path of the request', async () => {
  const { audit, lines } = record();
  const components = {
    audit,
    access: { decide: async () => ({ granted: true, actor: { name: 'ada', role: 'admin' } }) },
    rules: {},
  } as unknown as RouteComponents;
  const request = {
    method: 'PUT',
    path: '/cluster/rules',
    address: '192.0.2.1',
    headers: {},
    query: new URLSearchParams({ path: '/cluster/health' }),
    json: async () => ({ path: '/readyz' }),
  } as unknown as HttpRequest;
  await adminRoutes(components)(request)?.catch(() => undefined);
  expect(lines).toMatchObject([{ parameters: { path: '/cluster/rules' } }]);
});
