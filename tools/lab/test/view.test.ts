import type { MemberReport } from '../src/cluster/lab-member.ts';
import { describeClient, helpLines, renderLine, renderView } from '../src/view/render.ts';
import type { ViewState } from '../src/view/render.ts';
import { Tally } from '../src/view/tally.ts';

const status = { state: 'serving', connections: 12, appliedIndex: 345, term: 4 } as const;
const members: MemberReport[] = [
  {
    id: 'm1',
    mqtt: '127.0.0.55:1883',
    http: '127.0.0.55:9100',
    pid: 1,
    process: 'running',
    link: 'ok',
    faults: '',
    status: { ...status, role: 'leader', lag: { m2: 17 } },
  },
  {
    id: 'm2',
    mqtt: '127.0.0.56:1883',
    http: '127.0.0.56:9100',
    pid: 2,
    process: 'running',
    link: 'cut',
    faults: '',
    status: { ...status, role: 'follower' },
  },
  {
    id: 'm3',
    mqtt: '127.0.0.57:1883',
    http: '127.0.0.57:9100',
    pid: null,
    process: 'killed',
    link: 'ok',
    faults: '',
    status: null,
  },
];

const state: ViewState = {
  members,
  chosen: 2,
  upMs: 83_000,
  traffic: new Tally(1).view(0),
  client: 'connected',
  notice: 'kill m3: done',
  url: 'http://127.0.0.1:9200/',
  warning: 'ANONYMOUS: every program on this machine may connect without a user',
  help: false,
};

describe('the live view', () => {
  test('shows the leader, the lag of a member, cut links and killed members', () => {
    const text = renderView(state, 80).join('\n');
    expect(text).toContain('2 of 3 serving, leader m1, term 4, up 83 s');
    expect(text).toMatch(/> m2 +127\.0\.0\.56:1883 +running +serving +follower +12 +345 +17 cut/);
    expect(text).toMatch(/m3 .*killed +- .*ok/);
    expect(text).toContain('kill m3: done');
  });

  test('warns of anonymous clients', () => {
    expect(renderView(state, 80)).toContain(
      'ANONYMOUS: every program on this machine may connect without a user',
    );
  });

  test('fits into 80 columns, and truncates its lines for a narrower terminal', () => {
    for (const help of [false, true]) {
      const whole = renderView({ ...state, help }, 1_000);
      expect(Math.max(...whole.map((line) => line.length))).toBeLessThanOrEqual(80);
    }
    expect(Math.max(...renderView(state, 40).map((line) => line.length))).toBe(40);
  });

  test('shows the help instead of the keys', () => {
    const text = renderView({ ...state, help: true }, 80).join('\n');
    for (const line of helpLines) expect(text).toContain(line);
  });

  test('shows the status of the client in one line', () => {
    const status = {
      client: { server: 'm4', failovers: 2 },
      byQos: [{ received: 5 }, { received: 6 }, { received: 7 }],
      violations: ['lost'],
      gaps: { max: 143.2 },
    };
    expect(describeClient(status)).toBe(
      'connected to m4, received 18, violations 1, failovers 2, max gap 143 ms',
    );
    expect(describeClient({})).toBe('not connected, received 0, violations 0, failovers 0');
    expect(describeClient(null)).toBe('not reachable');
  });

  test('is rendered as one line if standard output is not a terminal', () => {
    expect(renderLine(state)).toBe(
      '83 s m1*:serving m2:serving m3:killed | sent 0 delivered 0 lost 0 duplicated 0 | p99 - ms',
    );
  });
});

describe('Tally', () => {
  test('counts a message as delivered when all subscribers have received it, before or after its acknowledgement', () => {
    const tally = new Tally(2);
    tally.sent('p', 1, 1, 0);
    tally.delivered('a', 'p', 1, 5);
    expect(tally.view(0).delivered.qos1).toBe(0);
    tally.delivered('b', 'p', 1, 7);
    tally.acked('p', 1, 10);
    const view = tally.view(0);
    expect(view).toMatchObject({ sent: { qos1: 1 }, acked: { qos1: 1 }, delivered: { qos1: 1 } });
    expect(view).toMatchObject({ latencyP50Ms: 5, latencyP99Ms: 7 });
  });

  test('counts an acknowledged message as lost until it arrives', () => {
    const tally = new Tally(1);
    tally.sent('p', 2, 1, 0);
    tally.acked('p', 1, 0);
    expect(tally.view(1_000).lost.qos2).toBe(0);
    expect(tally.view(20_000).lost.qos2).toBe(1);
    tally.delivered('a', 'p', 1, 20_000);
    expect(tally.view(20_001).lost.qos2).toBe(0);
  });

  test('counts duplicates, and counts first deliveries that are out of order', () => {
    const tally = new Tally(1);
    for (const number of [1, 2, 3]) tally.sent('p', 2, number, 0);
    for (const number of [1, 3, 3, 2]) tally.delivered('a', 'p', number, 1);
    expect(tally.view(0)).toMatchObject({ duplicated: { qos2: 1 }, outOfOrder: { qos2: 1 } });
  });

  test('counts a late QoS 0 message as lost exactly once', () => {
    const tally = new Tally(1);
    tally.sent('p', 0, 1, 0);
    expect(tally.view(20_000).lost.qos0).toBe(1);
    expect(tally.view(30_000).lost.qos0).toBe(1);
  });
});
