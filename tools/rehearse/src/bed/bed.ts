import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { RehearsalError } from '../errors.ts';
import { buildBase, buildNodeBase, installMachinePackages } from './base.ts';
import { joinBed } from './cgroup.ts';
import { Host } from './host.ts';
import { clusterHosts, secondSiteHost } from './layout.ts';
import type { TestBedLayout } from './layout.ts';
import { createNetworkBridge, cut, heal, removeNetworkBridge } from './network.ts';

/** The hosts of a rehearsal: containers with systemd, sshd and podman on this machine, in a separate network. */
export class TestBed {
  readonly layout: TestBedLayout;
  readonly hosts: ReadonlyMap<number, Host>;

  constructor(layout: TestBedLayout) {
    this.layout = layout;
    const numbers = [...clusterHosts, secondSiteHost];
    this.hosts = new Map(numbers.map((number) => [number, new Host(number, layout)]));
  }

  /** @throws RehearsalError when no host has this number */
  host(number: number): Host {
    const found = this.hosts.get(number);
    if (found) return found;
    throw new RehearsalError(`unknown host ${number} (hosts: ${[...this.hosts.keys()].join(', ')})`);
  }

  async build(log: (text: string) => void): Promise<void> {
    joinBed(this.layout.name);
    await installMachinePackages(log);
    await buildBase(this.layout, log);
    await buildNodeBase(this.layout, log);
  }

  async start(numbers: readonly number[]): Promise<void> {
    await createNetworkBridge(this.layout);
    for (const number of numbers) await this.host(number).start();
    await Promise.all(numbers.map((number) => this.host(number).reachable()));
  }

  /** Drops all packets of the host silently. The host's network link keeps its carrier, so the host detects no fault. */
  cut(number: number): Promise<void> {
    return cut(this.layout, this.host(number).number);
  }

  heal(number: number): Promise<void> {
    return heal(this.layout, this.host(number).number);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.powerOff()));
    await removeNetworkBridge(this.layout);
  }

  /** Stops the hosts and deletes their disks. The shared base file system is kept. */
  async wipe(): Promise<void> {
    await this.stop();
    for (const host of this.hosts.values()) await host.wipe();
    rmSync(join(this.layout.directory, 'hosts'), { recursive: true, force: true });
  }
}
