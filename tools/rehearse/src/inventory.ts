import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addressOf, brokerHosts } from './bed/layout.ts';

/**
 * Writes an inventory of the test bed with only the given brokers.
 * @returns the path of the written inventory, or the path of the repository's inventory if all brokers are given
 */
export function inventoryFor(ansible: string, directory: string, brokers: readonly number[]): string {
  const whole = join(ansible, 'inventories/testbed/hosts.yml');
  if (brokers.length === brokerHosts.length) return whole;
  const path = join(directory, 'inventory/hosts.yml');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, withBrokers(readFileSync(whole, 'utf8'), brokers));
  const variables = join(dirname(path), 'group_vars');
  if (existsSync(variables)) rmSync(variables, { recursive: true });
  symlinkSync(join(dirname(whole), 'group_vars'), variables);
  return path;
}

/** Returns the text of the inventory without the lines of the brokers that are not in `brokers`. */
export function withBrokers(inventory: string, brokers: readonly number[]): string {
  const others = brokerHosts.filter((host) => !brokers.includes(host)).map((host) => `${addressOf(host)}:`);
  return inventory
    .split('\n')
    .filter((line) => !others.includes(line.trim()))
    .join('\n');
}
