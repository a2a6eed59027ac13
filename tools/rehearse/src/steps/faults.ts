import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf } from '../bed/layout.ts';
import type { TestBed } from '../bed/bed.ts';
import { attemptCommand } from '@mqtt-cluster/kit';
import { namespaceOf, virtualHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { StockClient } from '../load/stock-client.ts';
import type { Allowance } from '../load/tally.ts';
import { waitFor } from '@mqtt-cluster/kit';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

const unit = 'mqtt-cluster-broker.service';
/** Duration of a fault, ms. It is longer than the time until members and clients detect the fault. */
const faultMs = 15_000;
const restartMsMax = 180_000;
/** Allows one reconnect for the lost host, and one more, because a broker may respond too late on a busy machine. */
const oneLostHost: Allowance = { reconnectsMax: 2, perHostMax: 1 };

export const powerCut: Step = {
  name: 'power a host off and on',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const host = bed.host(await clients.busiest());
    const before = await clients.snapshot();
    log(`${host.address}: power off`);
    await host.powerOff();
    await sleep(faultMs);
    await clients.waitUntilReceiving();
    await host.start();
    await host.reachable();
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, oneLostHost));
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
      await sleep(faultMs);
      await clients.waitUntilReceiving();
    } finally {
      await bed.heal(number);
    }
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, oneLostHost));
  },
};

export const stoppedLoop: Step = {
  name: 'pause a broker (SIGSTOP): the systemd watchdog must restart it',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const host = bed.host(await clients.busiest());
    const before = await clients.snapshot();
    const restarts = async (): Promise<number> =>
      Number(await host.ssh(`systemctl show ${unit} --property=NRestarts --value`));
    const restartsBefore = await restarts();
    await host.ssh('kill -STOP $(podman inspect --format {{.State.Pid}} mqtt-cluster-broker)');
    await waitFor(
      'the watchdog to restart the broker',
      async () => ((await restarts()) > restartsBefore ? true : undefined),
      { timeoutMs: restartMsMax },
    );
    const result = await host.ssh(
      `journalctl --unit ${unit} --output cat --grep 'Watchdog timeout' | tail -n 1`,
    );
    log(`${host.address}: ${result.trim()}`);
    if (!result.includes('Watchdog'))
      throw new RehearsalError('the broker was restarted, but its journal has no "Watchdog timeout"');
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, oneLostHost));
  },
};

export const addressMoves: Step = {
  name: 'power off the host with the virtual address: mosquitto_sub must continue to receive',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const before = await clients.snapshot();
    const address = new StockClient({
      layout: bed.layout,
      id: 'rehearsal-stock',
      address: addressOf(virtualHost),
    });
    address.start();
    try {
      await address.waitUntilReceiving();
      const holder = await holderOf(bed, cluster.hosts);
      log(`${addressOf(holder)} has the virtual address ${addressOf(virtualHost)}`);
      await bed.host(holder).powerOff();
      const next = await holderOf(
        bed,
        cluster.hosts.filter((host) => host !== holder),
      );
      log(`${addressOf(next)} now has the virtual address`);
      // The client must receive a message after the move, because earlier messages may have come through the former host.
      await address.waitUntilReceiving();
      await bed.host(holder).start();
      await bed.host(holder).reachable();
      await cluster.waitUntilHealthy();
      await address.waitUntilReceiving();
      log(address.describe());
    } finally {
      address.stop();
    }
    logAll(log, await clients.check(before, oneLostHost));
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
