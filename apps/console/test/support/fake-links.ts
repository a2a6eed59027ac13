import type { Link } from '../../src/api/types.ts';

/** A link that works, with a rule in each direction. */
export function fakeLink(name: string): Link {
  const rule = { localPrefix: '', remotePrefix: '', qosMax: 1, retained: 'no' } as const;
  const definition = {
    kind: 'mqtt',
    protocol: '5.0',
    ratePerSecondMax: 1_500,
    addresses: ['mqtt://10.0.9.1:1883'],
    rules: [
      { ...rule, direction: 'out', filter: 'site/#', remotePrefix: 'north/' },
      { ...rule, direction: 'in', filter: 'orders/#', retained: 'live' },
    ],
  };
  return {
    name,
    // The page uses only these fields of a definition.
    definition: definition as unknown as Link['definition'],
    state: 'connected',
    member: 'm2',
    address: 'mqtt://10.0.9.1:1883',
    error: null,
    lagMessages: 4,
    lagSeconds: 0,
    sent: [10, 12_000, 5],
    received: [0, 321, 0],
    dropped: {},
    reconnects: 2,
    possibleDuplicates: 0,
    keptAside: 0,
    members: [
      { member: 'm1', mayRun: true, reason: null },
      { member: 'm2', mayRun: true, reason: null },
      { member: 'm3', mayRun: false, reason: 'the file plant-password is missing' },
    ],
  };
}

export function fakeLinks(): Link[] {
  const head = fakeLink('head-office');
  const jetstream = { ...head.definition!, kind: 'jetstream', jetstream: { stream: 'SITES' } };
  return [
    fakeLink('south'),
    {
      ...head,
      definition: jetstream as unknown as Link['definition'],
      state: 'connecting',
      error:
        'nats://10.0.9.1:4222: the other broker refused the connection: the user name or password is wrong',
      lagMessages: 18_244,
      lagSeconds: 3_725,
      dropped: { queue: 31, refused: 2 },
    },
    { ...fakeLink('cloud'), state: 'paused', member: null, address: null, lagMessages: 17 },
  ];
}
