import { randomBytes } from 'node:crypto';
import type { QoS } from '@mqtt-cluster/contracts';
import { noMetrics, publisherMetrics } from '@mqtt-cluster/metric-catalogue';
import { OptionsError } from '@mqtt-cluster/failover-client';
import type { FailoverClientOptions } from '@mqtt-cluster/failover-client';
import { GroupPublisher } from './group-publisher.ts';
import { MetricsReporter } from './metrics-reporter.ts';
import { waveValue } from './telemetry.ts';
import { defaultPublisherTimings } from './types.ts';
import type { Publisher, PublisherOptions } from './types.ts';

const allQosLevels: readonly QoS[] = [0, 1, 2];
const defaultUnackedPerStreamMax = 200;
const instanceBytes = 4;
const levelName = /^[^/+#\u0000]+$/;

/**
 * Creates a source of numbered telemetry on all QoS levels. It is always active in its own group `host-<memberId>`, and
 * one of the redundant publishers of `sharedGroup` if that is given. `start` does not wait for a connection.
 *
 * @throws OptionsError an option is invalid
 */
export function createPublisher(options: PublisherOptions): Publisher {
  checkOptions(options);
  const instance = `${options.memberId}-${randomBytes(instanceBytes).toString('hex')}`;
  const names = [`host-${options.memberId}`, options.sharedGroup].filter((name) => name !== undefined);
  const groups = names.map((name, index) => groupPublisher(options, instance, name, index > 0));
  const reporter = new MetricsReporter(options.metrics ?? noMetrics);
  return {
    report: () => reporter.report(groups.map((group) => group.status())),
    start: () => {
      for (const group of groups) group.start();
      return Promise.resolve();
    },
    stop: async () => {
      await Promise.all(groups.map((group) => group.stop()));
    },
    status: () => ({ instance, groups: groups.map((group) => group.status()) }),
  };
}

function groupPublisher(
  options: PublisherOptions,
  instance: string,
  group: string,
  redundant: boolean,
): GroupPublisher {
  const timings = { ...defaultPublisherTimings, ...options.timings };
  const random = options.random ?? Math.random;
  const logger = options.logger?.child({ group });
  const connection: Omit<FailoverClientOptions, 'clientId'> = {
    ...options.connection,
    servers: options.servers,
    random,
    ...(options.preferred === undefined ? {} : { preferred: options.preferred }),
    ...(logger ? { logger } : {}),
  };
  return new GroupPublisher({
    activePublisher: {
      group,
      instance,
      connection,
      redundant,
      signals: options.signals ?? ['temperature'],
      qosLevels: options.qosLevels ?? allQosLevels,
      ratePerSecond: options.ratePerSecond ?? 1,
      value: options.value ?? waveValue,
      unackedPerStreamMax: options.unackedPerStreamMax ?? defaultUnackedPerStreamMax,
      retainedWaitMsMax: timings.retainedWaitMsMax,
      refusedRetryDelayMs: timings.refusedRetryDelayMs,
      onAck: (qos, latencyMs) => {
        options.metrics?.observe(publisherMetrics.ackSeconds, [String(qos)], latencyMs / 1_000);
        options.onAck?.(qos, latencyMs);
      },
      ...(logger ? { logger } : {}),
    },
    standbyPublisher: {
      group,
      instance,
      connection,
      random,
      retainedWaitMsMax: timings.retainedWaitMsMax,
      takeoverDelayMsMin: timings.takeoverDelayMsMin,
      takeoverDelayMsMax: timings.takeoverDelayMsMax,
    },
    restartDelayMs: timings.takeoverDelayMsMin,
  });
}

function checkOptions({ memberId, sharedGroup, signals = [], ratePerSecond = 1 }: PublisherOptions): void {
  for (const name of [memberId, ...(sharedGroup === undefined ? [] : [sharedGroup]), ...signals]) {
    if (!levelName.test(name))
      throw new OptionsError(`${JSON.stringify(name)}: must be exactly one topic level, without /, + and #`);
  }
  if (sharedGroup === `host-${memberId}`)
    throw new OptionsError('sharedGroup: must differ from the own group of this publisher');
  if (!(ratePerSecond > 0)) throw new OptionsError('ratePerSecond: must be above 0');
}
