import { attemptCommand } from '@mqtt-cluster/kit';
import { createHash } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inFolder, messagesIn, playLocally, rejectionFault } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import type { Variables } from './playbook.ts';
import type { Check } from './static-check.ts';
import { writeProgram } from './substitute-program.ts';
import { wrongUpdates } from './wrong-updates.ts';

/**
 * Returns checks of the preflight playbook. Each check runs the playbook with variables that the playbook
 * must reject, and with this machine in place of three hosts. The playbook's message must contain the given
 * text.
 */
export function preflights(ansible: string): Check[] {
  const image = { mqtt_cluster_version: 'no-such-version' };
  const wrong: readonly (readonly [string, Variables, string])[] = [
    [
      'another architecture',
      { preflight_architectures: ['riscv128'] },
      'but the images are made for riscv128',
    ],
    ['too little disk', { preflight_disk_bytes_min: '999999999999999999' }, 'needs at least'],
    ['a missing image', image, 'There is no image localhost/mqtt-cluster/broker-publisher:no-such-version'],
    [
      'an empty passphrase of the authority',
      { vault_certificate_authority_passphrase: '' },
      'vault_certificate_authority_passphrase is empty or missing',
    ],
    ['an unreachable host', { ansible_connection: 'ssh', ansible_port: '1' }, "one can't be reached by ssh"],
  ];
  return [
    ...wrong.map(([name, variables, sentence]) =>
      rejection(ansible, name, sentence, async () => ({ mqtt_cluster_images: 'tests', ...variables })),
    ),
    rejection(
      ansible,
      'an unknown architecture',
      'is "aarch64", but must be amd64 or arm64',
      async (directory) => ({
        mqtt_cluster_images: await fakeImage(directory),
        mqtt_cluster_architecture: 'aarch64',
      }),
    ),
    rejection(
      ansible,
      'an image for another architecture',
      `needs an image for ${ownArchitecture}, but the archive`,
      async (directory) => ({
        mqtt_cluster_images: await fakeImage(directory, foreignArchitecture),
        mqtt_cluster_architecture: foreignArchitecture,
      }),
    ),
    rejection(
      ansible,
      'a missing image of an architecture',
      'npm run images -- --save --arch amd64,arm64',
      async () => ({ mqtt_cluster_images: 'tests', mqtt_cluster_architecture: ownArchitecture }),
    ),
    rejection(
      ansible,
      'a registry with an image for another architecture',
      `registry.example/broker:1 only for ${foreignArchitecture}`,
      async (directory) => {
        const list = { manifests: [{ platform: { architecture: foreignArchitecture } }] };
        const answer = `[ "$1 $2" = 'manifest inspect' ] && echo '${JSON.stringify(list)}'`;
        writeProgram(directory, 'podman', answer);
        return {
          mqtt_cluster_images: 'tests',
          broker_publisher_image: 'registry.example/broker:1',
          broker_publisher_image_archive: '',
        };
      },
    ),
    rejection(ansible, 'a cut archive', 'differs from its checksum', async (directory) => {
      const folder = await fakeImage(directory);
      truncateSync(archiveOf(folder, ownArchitecture), 700);
      return { mqtt_cluster_images: folder, mqtt_cluster_architecture: ownArchitecture };
    }),
    ...wrongUpdates.map(([name, variables, sentence]) =>
      rejection(ansible, name, sentence, async (directory) => ({
        mqtt_cluster_images: await fakeImage(directory),
        mqtt_cluster_architecture: ownArchitecture,
        ...variables,
      })),
    ),
  ];
}

/** Settings of the image of the static checks. */
export const imageSettings = [
  'MQTT_CLUSTER_LAB',
  'MQTT_CLUSTER_MQTT_ANONYMOUS',
  'MQTT_CLUSTER_MQTT_PACKET_BYTES_MAX',
  'MQTT_CLUSTER_MQTT_KEEP_ALIVE_SECONDS_MAX',
  'MQTT_CLUSTER_MQTT_WILL_AFTER_FAILOVER',
];

const ownArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;
const foreignArchitecture = ownArchitecture === 'amd64' ? 'arm64' : 'amd64';

/** An image that a host has pulled, and that cannot run there: its registry does not tell the architecture. */
export function pulledImage(ansible: string): Check {
  const sentence = `its image registry.example/broker:1 is for ${foreignArchitecture}`;
  return {
    name: `image on the host: "${sentence}"`,
    run: () =>
      inFolder('image', async (directory) => {
        writeProgram(
          directory,
          'podman',
          `case "$4" in *Architecture*) echo ${foreignArchitecture} ;; *) echo 1 ;; esac`,
        );
        const result = await playLocally(ansible, ['-i', 'tests/inventories/here.yml', 'tests/image.yml'], {
          variables: { container_image_name: 'registry.example/broker:1', container_image_archive: '' },
          environment: { PATH: `${directory}:${process.env['PATH']}` },
        });
        return rejectionFault(result, sentence);
      }),
  };
}

function archiveOf(folder: string, architecture: string): string {
  return join(folder, `broker-publisher-static-${architecture}.tar`);
}

/**
 * Writes an archive of an image that has only its architecture and the list of its settings, and its checksum.
 * @returns its folder
 */
async function fakeImage(directory: string, architecture = ownArchitecture): Promise<string> {
  const labels = { 'mqtt-cluster.settings': imageSettings.join(',') };
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify([{ Config: 'config.json', RepoTags: [] }]));
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ architecture, config: { Labels: labels } }));
  const archive = archiveOf(directory, architecture);
  await attemptCommand('tar', ['-C', directory, '-cf', archive, 'manifest.json', 'config.json']);
  const hash = createHash('sha256').update(readFileSync(archive)).digest('hex');
  writeFileSync(`${archive}.sha256`, `${hash}  ${basename(archive)}\n`);
  return directory;
}

function rejection(
  ansible: string,
  name: string,
  sentence: string,
  variablesIn: (directory: string) => Promise<Variables>,
): Check {
  return {
    name: `preflight of ${name}: "${sentence}"`,
    run: () =>
      inFolder('preflight', async (directory) => {
        const given = {
          mqtt_cluster_version: 'static',
          vault_certificate_authority_passphrase: 'static',
          ...(await variablesIn(directory)),
        };
        const args = ['-i', 'tests/inventories/here.yml', 'playbooks/preflight.yml'];
        const result = await playLocally(ansible, args, {
          variables: { preflight_disk_bytes_min: '1', ...given },
          // The address of the control node, as sshd sets it.
          environment: {
            SSH_CONNECTION: '203.0.113.9 50000 127.0.0.1 22',
            PATH: `${directory}:${process.env['PATH']}`,
          },
        });
        return rejectionFault(result, sentence);
      }),
  };
}

/**
 * Returns checks of wrong inventories. The playbook must reject each inventory, or accept it with a
 * warning. Its message must contain the given text.
 */
export function refusals(ansible: string): Check[] {
  const wrong: readonly (readonly [string, string])[] = [
    ['no-brokers', 'has no host in the group "brokers"'],
    ['shared-address', '192.0.2.1 by one and two'],
    ['bad-name', 'UPPER_CASE'],
    ['four', 'WARNING: 4 brokers are an even number'],
    ['two', 'WARNING: with 2 broker(s) no host may be lost'],
  ];
  return wrong.map(([name, sentence]) => ({
    name: `inventory ${name}: "${sentence}"`,
    async run() {
      const args = ['-i', join('tests', 'inventories', `${name}.yml`), 'tests/inventory.yml'];
      const result = await playLocally(ansible, args);
      if (!sentence.startsWith('WARNING')) return rejectionFault(result, sentence);
      if (result.status !== 0) return `the inventory was rejected: ${firstFailure(result.output)}`;
      return messagesIn(result.output).includes(sentence) ? null : 'the playbook did not print the warning';
    },
  }));
}
