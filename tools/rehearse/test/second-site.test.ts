import { describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addressOf, secondSiteHost } from '../src/bed/layout.ts';
import { arrivalFaults } from '../src/load/remote-subscriber.ts';
import {
  linkName,
  linkVariables,
  siteBroker,
  siteHosts,
  siteUsers,
  siteVariables,
  writeLinkedCluster,
  writeSecondSite,
} from '../src/second-site/inventories.ts';
import { ansible } from './role-text.ts';

describe('the inventories of the step second-site', () => {
  const manual = readFileSync(fileURLToPath(new URL('../../../docs/LINKS.md', import.meta.url)), 'utf8');

  test.each(Object.entries({ siteHosts, siteVariables, siteUsers, linkVariables }))(
    'docs/LINKS.md contains %s word for word',
    (_name, text) => {
      expect(manual).toContain(`\`\`\`yaml\n${text}\`\`\`\n`);
    },
  );

  test('name the host of the second site and the link once for the step and for the inventories', () => {
    expect(siteHosts).toContain(`${siteBroker.id}: { ansible_host: ${siteBroker.address} }`);
    expect(siteBroker.address).toBe(addressOf(secondSiteHost));
    expect(linkVariables).toContain(`  ${linkName}:\n    addresses: ["mqtts://${siteBroker.address}:8883"]`);
  });

  test('are written beside each other, the first one with only its brokers and with the files that the link needs', () => {
    const directory = mkdtempSync(join(tmpdir(), 'second-site-'));
    try {
      const { hosts, authorityDirectory } = writeSecondSite(directory);
      const linked = writeLinkedCluster(ansible, directory, [55, 56, 57]);
      expect(readFileSync(hosts, 'utf8')).toBe(siteHosts);
      expect(authorityDirectory).toBe(join(directory, 'site-b/pki'));
      const text = readFileSync(linked, 'utf8');
      expect(text).toContain('10.0.0.57:');
      expect(text).not.toContain('10.0.0.58:');
      const files = [...linkVariables.matchAll(/"\{\{ inventory_dir \}\}(\/secrets\/.*)"/g)];
      expect(files).toHaveLength(1);
      expect(existsSync(join(linked, '..', files[0]![1]!))).toBe(true);
      const vault = readFileSync(join(directory, 'site-b/group_vars/all/vault.yml'), 'utf8');
      expect(vault).not.toContain('choose-your-own');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('arrivalFaults', () => {
  const sent = { sent: 7, messages: 7, refused: 0, numbers: [4, 3] as [number, number] };
  const counts = (received: number, duplicates = 0): object => ({ received, missing: 0, duplicates });
  const received = (
    qos1: object,
    qos2: object,
    violations: string[] = [],
  ): Parameters<typeof arrivalFaults>[1] =>
    ({ byQos: [counts(0), qos1, qos2], violations }) as Parameters<typeof arrivalFaults>[1];

  test('accepts all messages, and repetitions of QoS 1', () => {
    expect(arrivalFaults(sent, received(counts(4), counts(3)))).toEqual([]);
    expect(arrivalFaults(sent, received(counts(6, 2), counts(3)))).toEqual([]);
  });

  test('reports the last messages of a publisher as missing, which leave no gap', () => {
    expect(arrivalFaults(sent, received(counts(3), counts(3)))).toEqual([
      'QoS 1: 3 messages have arrived, and 4 were acknowledged',
    ]);
    expect(arrivalFaults(sent, received(counts(4), counts(2)))).toEqual([
      'QoS 2: 2 messages have arrived, and 3 were acknowledged',
    ]);
  });

  test('a repetition replaces no missing message', () => {
    expect(arrivalFaults(sent, received(counts(4, 1), counts(3)))).toHaveLength(1);
  });

  test('reports what the subscriber reports, such as a message of QoS 2 that arrived twice', () => {
    const twice = ['QoS 2: 1 received twice'];
    expect(arrivalFaults(sent, received(counts(4), counts(4, 1), twice))).toEqual(twice);
  });

  test('reports messages that the cluster has not acknowledged', () => {
    const faults = arrivalFaults({ ...sent, messages: 6 }, received(counts(4), counts(3)));
    expect(faults).toEqual(['the cluster has acknowledged 6 of 7 messages, and refused 0']);
  });
});
