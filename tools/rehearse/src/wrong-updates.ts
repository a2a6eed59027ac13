import type { Variables } from './playbook.ts';

/** The name, the variables, and a part of the message with which preflight must reject them. */
type WrongUpdate = readonly [string, Variables, string];

/** Inventories of an earlier version, which a new image would not start with. */
export const wrongUpdates: readonly WrongUpdate[] = [
  [
    'an update of a deployment that has not chosen how clients are admitted',
    {},
    'would admit no clients: set broker_publisher_authentication',
  ],
  [
    'an update of a deployment without certificates between the brokers',
    { broker_publisher_tls_directory: '', broker_publisher_authentication: ['cluster'] },
    'because broker_publisher_tls_directory is empty',
  ],
  ...wrongAccess(),
  ...wrongLimits(),
  ...wrongVirtualAddress(),
  ...wrongFirewall(),
];

/** Wrong variables about clients, users and rules. */
function wrongAccess(): WrongUpdate[] {
  const cluster = { broker_publisher_authentication: ['cluster'] };
  return [
    [
      'a provider without its file',
      { ...cluster, broker_publisher_authentication: ['passwordFile'] },
      'the provider passwordFile needs broker_publisher_password_file',
    ],
    [
      'a missing file of rules',
      { ...cluster, broker_publisher_rules_file: 'nowhere.json' },
      'broker_publisher_rules_file is nowhere.json, which is no file on the control node',
    ],
    ...['broker_publisher_password_file', 'broker_publisher_acl_file'].map((name): WrongUpdate => [
      `an empty file (${name})`,
      { ...cluster, [name]: '{{ playbook_dir }}/../tests/empty-file.txt' },
      'tests/empty-file.txt, which is an empty file',
    ]),
    [
      'a file of rules that is no JSON array',
      { ...cluster, broker_publisher_rules_file: '{{ playbook_dir }}/site.yml' },
      'is no JSON array of rules',
    ],
    [
      'client certificates of HTTPS for an image that does not serve HTTP beside them',
      {
        ...cluster,
        broker_publisher_http_client_authority: '{{ playbook_dir }}/site.yml',
        broker_publisher_http_client_revocations: '{{ playbook_dir }}/site.yml',
      },
      'or of a variable of their own: MQTT_CLUSTER_HTTP_TLS_CA, MQTT_CLUSTER_HTTP_TLS_CRL.',
    ],
    [
      'a user without a password',
      { ...cluster, vault_broker_users: [{ name: 'ann' }] },
      'the user number 1 of broker_publisher_users needs a name and a password',
    ],
    [
      'a publisher whose user is not in the list',
      { ...cluster, broker_publisher_username: 'publisher' },
      'broker_publisher_users has no user publisher with a password',
    ],
    [
      'brokers without a port for clients',
      { ...cluster, broker_publisher_mqtts_port: '0', broker_publisher_plain: 'none' },
      'the brokers would have no port for clients',
    ],
  ];
}

/** Wrong limits of packets, keep-alive and wills. */
function wrongLimits(): WrongUpdate[] {
  const cluster = { broker_publisher_authentication: ['cluster'] };
  return [
    [
      'packets that are too large',
      { ...cluster, broker_publisher_packet_bytes_max: '2097152' },
      'broker_publisher_packet_bytes_max must be a whole number of bytes from 1024 to 1048576',
    ],
    [
      'a keep-alive that is no number',
      { ...cluster, broker_publisher_keep_alive_seconds_max: '5m' },
      'broker_publisher_keep_alive_seconds_max must be a whole number of seconds from 0 to 65535',
    ],
    [
      'an unknown choice for wills',
      { ...cluster, broker_publisher_will_after_failover: 'keep' },
      'broker_publisher_will_after_failover must be discard or publish',
    ],
  ];
}

/** Wrong ports at the virtual address, and a wrong interface. */
function wrongVirtualAddress(): WrongUpdate[] {
  const correct = {
    broker_publisher_authentication: ['cluster'],
    vault_virtual_address_password: 'static',
    virtual_address_ip: '192.0.2.100',
    virtual_address_console_port: '9443',
  };
  return [
    [
      'a web console at the virtual address without HTTPS',
      { ...correct, broker_publisher_http_tls: 'false' },
      'virtual_address_console_port needs broker_publisher_http_tls',
    ],
    [
      'a virtual address at an interface that the host does not have',
      { ...correct, virtual_address_interface: 'none0' },
      'has no network interface none0 (virtual_address_interface)',
    ],
    ...['virtual_address_port', 'virtual_address_tls_port'].map((name): WrongUpdate => [
      `a web console at the port of clients (${name})`,
      { ...correct, [name]: '9443' },
      `virtual_address_console_port and ${name} are both 9443`,
    ]),
  ];
}

/** Wrong networks of the firewall. The static checks let each host see the control node at 203.0.113.9. */
function wrongFirewall(): WrongUpdate[] {
  const correct = { broker_publisher_authentication: ['cluster'] };
  return [
    [
      'a firewall that would lock out the control node',
      { ...correct, firewall_admin_networks: ['198.51.100.0/24'] },
      'would lock out the control node: the host sees it at 203.0.113.9',
    ],
    [
      'a firewall with a network that is none',
      { ...correct, firewall_admin_networks: ['203.0.113.0/24', '198.51.100.1/24'] },
      'are no networks: 198.51.100.1/24',
    ],
    [
      'a rollback of the firewall that is too early',
      { ...correct, firewall_admin_networks: ['203.0.113.0/24'], firewall_rollback_seconds: '5' },
      'because firewall_rollback_seconds is 5',
    ],
  ];
}
