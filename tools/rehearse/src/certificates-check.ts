import type { ProgramResult } from '@mqtt-cluster/kit';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { inFolder, playLocally, rejectionFault } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import type { Variables } from './playbook.ts';

/** Names of the files on the control node. Each contains its name. */
const names = [
  'clients.pem',
  'clients.crl',
  'persons.pem',
  'persons.crl',
  'client.pem',
  'client.key',
  'backup.pem',
  'backup.key',
] as const;
const accessFolder = '/etc/mqtt-cluster/access';
const clientFile = '/etc/mqtt-cluster/client-certificate/client.pem';

/** Certificates at every place: clients of MQTT and HTTPS with revocation lists, the client application, the backup. */
function complete(folder: string): Variables {
  const at = (name: (typeof names)[number]): string => join(folder, name);
  return {
    broker_publisher_authentication: ['certificate', 'cluster'],
    broker_publisher_client_authority: at('clients.pem'),
    broker_publisher_client_revocations: at('clients.crl'),
    broker_publisher_http_client_authority: at('persons.pem'),
    broker_publisher_http_client_revocations: at('persons.crl'),
    client_certificate: at('client.pem'),
    client_key: at('client.key'),
    backup_certificate: at('backup.pem'),
    backup_key: at('backup.key'),
  };
}

/** Changes of {@link complete}, and a part of the message with which preflight must reject them. */
const wrong: readonly (readonly [Variables, string])[] = [
  [
    { broker_publisher_client_authority: '', broker_publisher_authentication: ['cluster'] },
    'broker_publisher_client_revocations needs broker_publisher_client_authority',
  ],
  [
    { broker_publisher_client_authority: '', broker_publisher_client_revocations: '' },
    'the provider certificate needs broker_publisher_client_authority',
  ],
  [
    { broker_publisher_http_client_authority: '' },
    'broker_publisher_http_client_revocations needs broker_publisher_http_client_authority',
  ],
  [
    { broker_publisher_http_client_authority: 'nowhere.pem' },
    'broker_publisher_http_client_authority is nowhere.pem, which is no file on the control node',
  ],
  [
    { broker_publisher_http_client_authority: "{{ inventory_dir ~ '/pki/authority.pem' }}" },
    'broker_publisher_http_client_authority is the authority of the cluster',
  ],
  [
    { broker_publisher_http_tls: 'false' },
    'broker_publisher_http_client_authority needs broker_publisher_http_tls',
  ],
  [{ broker_publisher_lab: 'true' }, 'broker_publisher_http_client_authority excludes broker_publisher_lab'],
  [{ client_key: '' }, 'client_certificate and client_key of client-a need each other'],
  [{ client_certificate: '' }, 'client_certificate and client_key of client-a need each other'],
  [{ client_key: 'nowhere.key' }, 'client_key is "nowhere.key"'],
  [
    { client_tls: 'false' },
    'client_certificate and client_key of client-a need each other, client_tls: true',
  ],
  [{ backup_certificate: '', backup_key: '' }, 'the brokers would refuse the backup'],
  [{ backup_key: '' }, 'backup_certificate and backup_key need each other'],
];

/**
 * Checks that client certificates and revocation lists of the inventory reach the settings and files of the hosts, that
 * nothing is set without them, and that preflight rejects variables that do not fit together.
 *
 * @returns the first fault, or null
 */
export function certificatesFault(ansible: string): Promise<string | null> {
  return inFolder('certificates', (folder) => faultIn(ansible, folder));
}

async function faultIn(ansible: string, folder: string): Promise<string | null> {
  const play = (variables: Variables): Promise<ProgramResult> =>
    playLocally(ansible, ['-i', 'inventories/example/hosts.yml', 'tests/certificates.yml'], {
      variables: {
        render_to: folder,
        mqtt_cluster_version: 'static',
        mqtt_cluster_images: folder,
        ...variables,
      },
    });
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  for (const name of names) writeFileSync(join(folder, name), name);
  const without = await play({});
  if (without.status !== 0) return `without client certificates: ${firstFailure(without.output)}`;
  const unwanted = unwantedIn(read);
  if (unwanted !== null) return `without client certificates: ${unwanted}`;
  const given = await play(complete(folder));
  if (given.status !== 0) return `with client certificates: ${firstFailure(given.output)}`;
  const missing = missingIn(read);
  if (missing !== null) return `with client certificates: ${missing}`;
  const old = await play({ ...complete(folder), broker_publisher_known: ['MQTT_CLUSTER_HTTP_TLS_CA'] });
  if (old.status !== 0) return `with an older image: ${firstFailure(old.output)}`;
  if (read('broker-publisher.env').includes('MQTT_CLUSTER_HTTP_TLS_CA'))
    return 'an image without MQTT_CLUSTER_HTTP_TLS_CRL gets MQTT_CLUSTER_HTTP_TLS_CA, and would not start';
  for (const [changes, sentence] of wrong) {
    const fault = rejectionFault(await play({ ...complete(folder), ...changes }), sentence);
    if (fault !== null) return `${JSON.stringify(changes)}: ${fault}`;
  }
  return null;
}

function unwantedIn(read: (file: string) => string): string | null {
  const settings = [
    'HTTP_TLS_CA',
    'HTTP_TLS_CRL',
    `${accessFolder}/client-`,
    '"client-',
    '"http-',
    clientFile,
  ];
  const texts = ['broker-publisher.env', 'client.env', 'curl', 'access.json'].map(read).join('\n');
  const found = [...settings, 'cert = '].find((text) => texts.includes(text));
  return found === undefined ? null : `the hosts have ${found}`;
}

function missingIn(read: (file: string) => string): string | null {
  const lines: readonly (readonly [string, string])[] = [
    ['broker-publisher.env', `MQTT_CLUSTER_HTTP_TLS_CA=${accessFolder}/http-authority.pem\n`],
    ['broker-publisher.env', `MQTT_CLUSTER_HTTP_TLS_CRL=${accessFolder}/http-revocations.pem\n`],
    ['broker-publisher.env', 'MQTT_CLUSTER_HTTP_PLAIN=true\n'],
    ['broker-publisher.env', `"ca": "${accessFolder}/client-authority.pem"`],
    ['broker-publisher.env', `"crl": "${accessFolder}/client-revocations.pem"`],
    ['broker-publisher.env', 'MQTT_CLUSTER_TLS_CRL=/etc/mqtt-cluster/tls/trust.pem\n'],
    ['client.env', `MQTT_CLIENT_TLS_CERT=${clientFile}\n`],
    ['client.env', `MQTT_CLIENT_TLS_KEY=${clientFile}\n`],
    ['curl', 'cert = "/etc/mqtt-cluster-backup/client.pem"\n'],
  ];
  const absent = lines.find(([file, line]) => !read(file).includes(line));
  if (absent !== undefined) return `${absent[0]} has no line with ${absent[1].trim()}`;
  const expected = {
    'client-authority.pem': 'clients.pem',
    'client-revocations.pem': 'clients.crl',
    'http-authority.pem': 'persons.pem',
    'http-revocations.pem': 'persons.crl',
  };
  const files = z.record(z.string(), z.string()).parse(JSON.parse(read('access.json')));
  const other = Object.entries(expected).find(([name, text]) => files[name] !== text);
  return other === undefined ? null : `the file ${other[0]} contains ${files[other[0]]}, and not ${other[1]}`;
}
