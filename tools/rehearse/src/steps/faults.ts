import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf } from '../bed/layout.ts';
import type { TestBed } from '../bed/bed.ts';
import { attemptCommand } from '@mqtt-cluster/kit';
import { namespaceOf, virtualHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import type { Allowance } from '../load/tally.ts';
import { waitFor } from '@mqtt-cluster/kit';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

const unit = 'mqtt-cluster-broker.service';
/** How long a host stays off: longer than members and clients need to notice it. A fault that they don't notice proves nothing. */
const goneMs = 15_000;
const restartMsMax = 180_000;
/** One reconnect for the lost host, and one because a busy machine may make a broker look silent. */
const loseOne: Allowance = { reconnectsMax: 2, perHostMax: 1 };

export const powerCut: Step = {
  name: 'power a host off and on',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const host = bed.host(await clients.busiest());
    const before = await clients.snapshot();
    log(`${host.address}: power off`);
    await host.powerOff();
    await sleep(goneMs);
    await clients.waitUntilReceiving();
    await host.start();
    await host.reachable();
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, loseOne));
  },
};

export const cutOff: Step = {
  name: 'drop all packets of a host silently, and heal the network',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const { number } = bed.host(await clients.busiest());
    const before = await clients.snapshot();
    log(`${addressOf(number)}: all packets dropped`);
    await bed.cut(number);
    try {
      await sleep(goneMs);
      await clients.waitUntilReceiving();
    } finally {
      await bed.heal(number);
    }
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, loseOne));
  },
};

export const stoppedLoop: Step = {
  name: 'pause a broker (SIGSTOP): the systemd watchdog must restart it',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const host = bed.host(await clients.busiest());
    const before = await clients.snapshot();
    const restarts = async (): Promise<number> =>
      Number(await host.ssh(`systemctl show ${unit} --property=NRestarts --value`));
    const had = await restarts();
    await host.ssh('kill -STOP $(podman inspect --format {{.State.Pid}} mqtt-cluster-broker)');
    await waitFor(
      'the watchdog to restart the broker',
      async () => ((await restarts()) > had ? true : undefined),
      { timeoutMs: restartMsMax },
    );
    const result = await host.ssh(
      `journalctl --unit ${unit} --output cat --grep 'Watchdog timeout' | tail -n 1`,
    );
    log(`${host.address}: ${result.trim()}`);
    if (!result.includes('Watchdog'))
      throw new RehearsalError('the broker was restarted, but not by the watchdog');
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, loseOne));
  },
};

export const addressMoves: Step = {
  name: 'power off the host with the virtual address: mosquitto_sub must continue to receive',
  async run({ bed, cluster, clients, address, log }: RehearsalContext) {
    const before = await clients.snapshot();
    address.start();
    try {
      await address.waitUntilReceiving();
      const holder = await holderOf(bed, cluster.hosts);
      log(`${addressOf(holder)} holds ${addressOf(virtualHost)}`);
      await bed.host(holder).powerOff();
      const next = await holderOf(
        bed,
        cluster.hosts.filter((host) => host !== holder),
      );
      log(`${addressOf(next)} holds the virtual address now`);
      // Only after the move: earlier messages may have come through the former holder.
      await address.waitUntilReceiving();
      await bed.host(holder).start();
      await bed.host(holder).reachable();
      await cluster.waitUntilHealthy();
      await address.waitUntilReceiving();
      log(address.describe());
    } finally {
      address.stop();
    }
    logAll(log, await clients.check(before, loseOne));
  },
};

function holderOf(bed: TestBed, hosts: readonly number[]): Promise<number> {
  return waitFor(
    'a host with the virtual address',
    async () => {
      for (const host of hosts) {
        const { output } = await attemptCommand('ip', [
          '-n',
          namespaceOf(bed.layout, host),
          '-o',
          'address',
          'show',
          'dev',
          'eth0',
        ]);
        if (output.includes(` ${addressOf(virtualHost)}/`)) return host;
      }
      return undefined;
    },
    { timeoutMs: restartMsMax },
  );
}
