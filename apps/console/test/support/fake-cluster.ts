import type {
  ClientDetail,
  ClientSummary,
  ClusterEvent,
  Link,
  Me,
  Member,
  Overview,
  RetainedMessage,
  Role,
  Settings,
  User,
} from '../../src/api/types.ts';
import type { LabState } from '../../src/lab/shapes.ts';
import { fakeLinks } from './fake-links.ts';

const memberCount = 7;
const startMs = Date.UTC(2026, 4, 12, 9, 30);

export interface FakeClient extends ClientSummary {
  readonly events: ClusterEvent[];
}

/** The state behind the fake API. A test changes it directly. */
export class FakeCluster {
  role: Role = 'admin';
  isLab = true;
  isAnonymous = true;
  /** Password of every user; null: the console needs no sign-in. */
  password: string | null = null;
  signedIn: string | null = null;
  unreachable: string[] = [];
  tooOld: string[] = [];
  asked = 'm1';
  isIsolated = false;
  /** Number of polls of the overview. Rates depend on it, so a page that polls shows other figures. */
  polls = 0;
  clients: FakeClient[] = Array.from({ length: 120 }, (_, index) => fakeClient(index));
  retained: RetainedMessage[] = fakeRetained();
  events: ClusterEvent[] = fakeEvents();
  settings: Settings = { ...fakeSettings };
  /** Retained messages that one request deletes at most. */
  deletedAtOnceMax = Infinity;
  users: User[] = [
    { name: 'ann', role: 'admin', groups: ['operations'], disabled: false },
    { name: 'bob', role: 'viewer', groups: ['line-1', 'line-2'], disabled: false },
    { name: 'plant-gateway', role: null, groups: ['plant'], disabled: false },
    { name: 'old-scada', role: null, groups: [], disabled: true },
  ];
  links: Link[] = fakeLinks();
  rules: readonly unknown[] = [
    { effect: 'allow', actions: ['subscribe'], topics: ['plant/#'] },
    { effect: 'allow', actions: ['publish'], topics: ['devices/%c/#'], qosMax: 1, retain: false },
  ];
  /** Requests that change something, as `METHOD path`. */
  readonly changes: string[] = [];
  lab: LabState = fakeLab();

  me(): Me {
    return {
      user: this.isAnonymous ? null : this.signedIn,
      role: this.role,
      lab: this.isLab,
      anonymous: this.isAnonymous,
    };
  }

  overview(): Overview {
    this.polls += 1;
    const members = Array.from({ length: memberCount }, (_, index) => this.#member(index + 1));
    return {
      cluster: 'plant-north',
      member: this.asked,
      version: '0.1.0',
      atMs: Date.now(),
      problems: this.unreachable.map((id) => ({
        severity: 'critical' as const,
        text: `${id} has not answered for 12 s. 2 more members may fail before the majority is lost.`,
        runbook: 'monitoring/runbooks/MqttClusterMemberDown.md',
      })),
      members,
      unreachable: this.unreachable,
      tooOld: this.tooOld,
    };
  }

  detail(id: string): ClientDetail | null {
    const client = this.clients.find((item) => item.id === id);
    if (client === undefined) return null;
    return {
      ...client,
      unreachable: this.unreachable,
      tooOld: this.tooOld,
      keepAliveSeconds: client.connected ? 60 : null,
      receiveMaximum: 20,
      owner: client.user,
      will: { topic: `plant/${id}/state`, qos: 1, retain: true, delaySeconds: 5, payloadBytes: 7 },
      subscriptionList: [
        {
          filter: `plant/line1/${id}/command`,
          qos: 2,
          noLocal: true,
          retainAsPublished: false,
          identifier: 4,
        },
        { filter: 'plant/+/alarm/#', qos: 1, noLocal: false, retainAsPublished: true },
        { filter: '$share/workers/jobs/#', qos: 0, noLocal: false, retainAsPublished: false },
      ],
      lastDisconnect: {
        atMs: Date.now() - 732_000,
        reason: 'keep-alive timeout: no packet for 90 s',
        member: 'm3',
      },
      events: client.events,
    };
  }

  #member(number: number): Member {
    const id = `m${number}`;
    const wave = 1 + 0.25 * Math.sin(this.polls / 6 + number);
    const isLeader = number === 3;
    if (this.unreachable.includes(id))
      return {
        id,
        address: `10.0.0.5${number}`,
        reachable: false,
        state: null,
        reason: '',
        role: null,
        leader: null,
        term: null,
        appliedIndex: null,
        lag: null,
        clients: null,
        sessions: null,
        urls: [],
        load: null,
        unreachableReason: 'no message on the link for 12 s',
      };
    const isIsolated = this.isIsolated && id === this.asked;
    return {
      id,
      address: `10.0.0.5${number}`,
      reachable: true,
      state: isIsolated ? 'isolated' : number === 6 ? 'draining' : 'serving',
      reason: isIsolated
        ? 'the member reaches 0 of 6 peers'
        : number === 6
          ? 'an operator drains the member'
          : '',
      role: isLeader ? 'leader' : 'follower',
      leader: 'm3',
      term: 14,
      appliedIndex: 1_204_331 + this.polls * 40,
      lag: isLeader ? null : number % 3,
      clients: 17 + number,
      sessions: this.clients.length,
      urls: [`mqtt://10.0.0.5${number}:1883`],
      version: number === 7 ? '0.0.9' : '0.1.0',
      load: 0.08 * wave,
      memoryBytes: (82 + number * 2.3) * 1024 * 1024,
      ...(this.tooOld.includes(id)
        ? {}
        : {
            rates: {
              receivedPerSecond: [64 * wave, 41 * wave, 11 * wave],
              deliveredPerSecond: [128 * wave, 80 * wave, 22 * wave],
              droppedPerSecond: 0,
              ackMsP50: 3.4 * wave,
              ackMsP99: 11.8 * wave,
            },
          }),
    };
  }
}

function fakeClient(index: number): FakeClient {
  const number = String(index + 1).padStart(4, '0');
  const connected = index % 9 !== 4;
  const member = `m${(index % memberCount) + 1}`;
  const id = index % 4 === 3 ? `scada-${number}` : `sensor-line${(index % 3) + 1}-${number}`;
  return {
    id,
    connected,
    member: connected ? member : null,
    user: index % 5 === 0 ? null : index % 4 === 3 ? 'scada' : 'plant-gateway',
    protocol: connected ? (index % 3 === 0 ? '3.1.1' : '5.0') : null,
    address: connected ? `10.20.${index % 8}.${10 + index}` : null,
    listener: connected ? (index % 4 === 3 ? 'tls' : 'plain') : null,
    connectedSinceMs: connected ? Date.now() - (index + 1) * 417_000 : null,
    clean: index % 6 === 5,
    expirySeconds: index % 6 === 5 ? 0 : 86_400,
    subscriptions: 1 + (index % 5),
    queuedMessages: connected ? 0 : 37 * index,
    queuedBytes: connected ? 0 : 37 * index * 142,
    inFlight: connected ? index % 3 : 0,
    dropped: index % 31 === 4 ? 12 : 0,
    events: [
      {
        atMs: startMs + 3_100_000,
        member,
        kind: 'connected',
        client: id,
        text: `connected from 10.20.0.${10 + index} with MQTT 5.0`,
      },
      {
        atMs: startMs + 3_052_000,
        member: 'm3',
        kind: 'disconnected',
        client: id,
        reason: 'keep-alive timeout',
        text: 'disconnected: keep-alive timeout, no packet for 90 s',
      },
    ],
  };
}

function fakeRetained(): RetainedMessage[] {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return Array.from({ length: 130 }, (_, index) => {
    const isConfiguration = index % 5 === 0;
    const number = String(index + 1).padStart(3, '0');
    const text = isConfiguration
      ? JSON.stringify({ unit: '°C', limit: 80 + index, enabled: true, name: `sensor ${number}` })
      : (20 + index / 7).toFixed(2);
    return {
      topic: `plant/line${(index % 3) + 1}/sensor${number}/${isConfiguration ? 'configuration' : 'value'}`,
      qos: (index % 3) as 0 | 1 | 2,
      payloadBytes: Buffer.byteLength(text),
      payload: encode(text),
      payloadPreview: encode(text.slice(0, 64)),
      expiresInSeconds: index % 11 === 0 ? 3_600 * (index + 1) : null,
      properties: isConfiguration ? { contentType: 'application/json' } : {},
    };
  }).sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

function fakeEvents(): ClusterEvent[] {
  const at = (seconds: number): number => startMs + 3_600_000 - seconds * 1_000;
  return [
    {
      atMs: at(4),
      member: 'm2',
      kind: 'connected',
      client: 'sensor-line2-0014',
      text: 'sensor-line2-0014 connected from 10.20.5.23',
    },
    { atMs: at(31), member: 'm6', kind: 'draining', text: 'm6 drains: ann asked for it' },
    {
      atMs: at(44),
      member: 'm1',
      kind: 'refused',
      client: 'intruder',
      address: '203.0.113.9',
      reason: 'wrong password',
      text: 'intruder from 203.0.113.9 refused: wrong password',
    },
    { atMs: at(75), member: 'm3', kind: 'elected', text: 'm3 was elected leader of term 14' },
    { atMs: at(76), member: 'm5', kind: 'isolated', text: 'm5 does not reach a majority' },
    {
      atMs: at(90),
      member: 'm4',
      kind: 'takenOver',
      client: 'scada-0004',
      text: 'scada-0004 connected again at m7; its connection at m4 was closed',
    },
    {
      atMs: at(130),
      member: 'm7',
      kind: 'disconnected',
      client: 'scada-0008',
      reason: 'keep-alive timeout',
      text: 'scada-0008 disconnected: keep-alive timeout, no packet for 90 s',
    },
    {
      atMs: at(160),
      member: 'm1',
      kind: 'redirected',
      client: 'sensor-line1-0001',
      text: 'sensor-line1-0001 was asked to use m2',
    },
    {
      atMs: at(1_600),
      member: 'm5',
      kind: 'snapshotInstalled',
      text: 'm5 installed the snapshot of entry 1,198,220 from m3',
    },
    { atMs: at(2_200), member: 'm3', kind: 'configChanged', text: 'the voters are m1 to m7' },
  ];
}

const mebibyte = 1024 * 1024;
const fakeSettings: Settings = {
  queuedMessagesMax: 1_000,
  queuedBytesMax: 16 * mebibyte,
  connectedQueuedMessagesMax: 20_000,
  connectedQueuedBytesMax: 64 * mebibyte,
  queueFull: 'drop-oldest',
  sessionsMax: 100_000,
  clusterQueuedBytesMax: 256 * mebibyte,
  incomingMax: 100,
  sessionExpirySecondsMax: 0xffffffff,
  orphanGraceMs: 2_000,
  retainedMax: 100_000,
  clusterQueueMemoryMax: 384 * mebibyte,
  connectedQueueReserve: 64 * mebibyte,
  userQueueMemoryMax: 256 * mebibyte,
  retainedBytesMax: 128 * mebibyte,
  userRetainedBytesMax: 64 * mebibyte,
  sessionSubscriptionsMax: 10_000,
  sessionSubscriptionBytesMax: 16 * mebibyte,
  subscriptionBytesMax: 192 * mebibyte,
  sessionWillBytesMax: mebibyte,
  willBytesMax: 32 * mebibyte,
  userSessionsMax: 100_000,
};

function fakeLab(): LabState {
  const some = (action: string) => ({ action, members: 'some' as const, value: null });
  const nowMs = Date.now();
  return {
    atMs: nowMs,
    members: Array.from({ length: memberCount }, (_, index) => ({
      id: `m${index + 1}`,
      process: index === 3 ? 'ended' : 'running',
      link: index === 4 ? 'slow' : 'ok',
      faults: '',
    })),
    faults: [
      ...['kill', 'stop', 'start', 'pause', 'resume', 'wipe'].map(some),
      { action: 'rolling', members: 'optional', value: null },
      { action: 'cut', members: 'groups', value: null },
      { action: 'one-way', members: 'groups', value: null },
      some('flap'),
      some('slow'),
      { action: 'loss', members: 'some', value: { example: '1%', required: false } },
      { action: 'throttle', members: 'some', value: { example: '1mbit', required: true } },
      some('full-disk'),
      { action: 'slow-disk', members: 'some', value: { example: '200ms', required: true } },
      { action: 'clock', members: 'some', value: { example: '+5s', required: true } },
      { action: 'heal', members: 'none', value: null },
    ],
    traffic: [
      {
        qos: 0,
        sent: 4_120,
        acknowledged: null,
        delivered: 8_233,
        lost: 7,
        duplicated: 0,
        deliveredPerSecond: 40.2,
      },
      {
        qos: 1,
        sent: 4_118,
        acknowledged: 4_116,
        delivered: 8_236,
        lost: 0,
        duplicated: 4,
        deliveredPerSecond: 40.1,
      },
      {
        qos: 2,
        sent: 4_119,
        acknowledged: 4_117,
        delivered: 8_234,
        lost: 0,
        duplicated: 0,
        deliveredPerSecond: 40,
      },
    ],
    clients: [0, 1, 2, 3, 4, 5].map((index) => ({
      id: `steady-${index < 4 ? 'publisher' : 'subscriber'}-${index}-qos${1 + (index % 2)}`,
      role: index < 4 ? ('publisher' as const) : ('subscriber' as const),
      qos: (1 + (index % 2)) as 1 | 2,
      member: `m${index + 1}`,
      gaps:
        index % 2 === 1
          ? [
              { startMs: nowMs - 74_000, endMs: nowMs - 74_000 + 90 + index * 30 },
              { startMs: nowMs - 21_000, endMs: nowMs - 20_400 },
            ]
          : [{ startMs: nowMs - 73_900, endMs: nowMs - 73_850 }],
    })),
    history: [
      { atMs: nowMs - 74_000, text: 'kill m4' },
      { atMs: nowMs - 40_000, text: 'slow m5' },
      { atMs: nowMs - 21_000, text: 'cut m1+m2', error: 'm2 does not run' },
    ],
  };
}
