import type { Logger } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { MemberReporter } from '../../src/observability/member-reporter.ts';

test('logs why a member asks another one to lead, and why it no longer leads', () => {
  const lines: unknown[] = [];
  const log =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, message, ...fields });
  const logger: Logger = {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: () => logger,
  };
  new MemberReporter(logger, noMetrics).onEvents([
    { kind: 'leadershipTransfer', reason: 'the disk of this member is full' },
    { kind: 'steppedDown', term: 7, reason: 'newer term' },
  ]);
  expect(lines).toEqual([
    {
      level: 'warn',
      message: 'this member asks another one to lead',
      reason: 'the disk of this member is full',
    },
    { level: 'info', message: 'this member no longer leads', term: 7, reason: 'newer term' },
  ]);
});
