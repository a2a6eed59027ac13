import { queryBodyBytesMax, silentLogger } from '@mqtt-cluster/contracts';
import type { Outgoing, PeerMessage } from '@mqtt-cluster/contracts';
import { helloOf } from '@mqtt-cluster/contracts/testing';
import { unansweredMax } from '../../src/queries/answered-queries.ts';
import { PeerQueries, QueryFault } from '../../src/queries/index.ts';
import { openQuestionsMax } from '../../src/queries/peer-queries.ts';

const members = ['m1', 'm2', 'm3'];

/** Queries of several members, joined by a network in memory. */
class Network {
  readonly queries = new Map<string, PeerQueries>();
  readonly sent: (Outgoing & { readonly from: string })[] = [];
  /** Members that receive nothing, like a paused process. */
  readonly paused = new Set<string>();

  constructor() {
    for (const self of members) {
      const send = (outgoing: readonly Outgoing[]): void => {
        for (const each of outgoing) this.#deliver(self, each);
      };
      this.queries.set(self, new PeerQueries({ self, members, send, logger: silentLogger }));
    }
  }

  of(member: string): PeerQueries {
    return this.queries.get(member)!;
  }

  /** Opens the link from `from` to `to`, and delivers the hello message of `to`. */
  link(from: string, to: string, hello = helloOf({ api: 1 })): void {
    this.of(from).onLink(to, 'up');
    this.of(from).onMessage(to, hello);
  }

  #deliver(from: string, outgoing: Outgoing): void {
    this.sent.push({ from, ...outgoing });
    if (!this.paused.has(outgoing.to)) this.of(outgoing.to).onMessage(from, outgoing.message);
  }
}

let network: Network;
let m1: PeerQueries;
let m2: PeerQueries;

beforeEach(() => {
  network = new Network();
  m1 = network.of('m1');
  m2 = network.of('m2');
  network.link('m1', 'm2');
});
afterEach(() => {
  for (const queries of network.queries.values()) queries.stop();
});

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('a question', () => {
  test('returns the answer of the peer that was asked', async () => {
    m2.on('double', (body, from) => ({ value: (body as number) * 2, from }));
    await expect(m1.ask('m2', 'double', 21)).resolves.toEqual({
      outcome: 'answered',
      body: { value: 42, from: 'm1' },
    });
  });

  test('to this member itself needs no link', async () => {
    m1.on('who', (_body, from) => from);
    await expect(m1.ask('m1', 'who', null)).resolves.toEqual({ outcome: 'answered', body: 'm1' });
  });

  test('travels on the channel live, never on the channel raft', async () => {
    m2.on('who', () => 'm2');
    await m1.ask('m2', 'who', null);
    expect(network.sent.map(({ channel }) => channel)).toEqual(['live', 'live']);
  });

  test('is not sent to a peer whose hello message has no API version', async () => {
    network.link('m1', 'm3', helloOf());
    await expect(m1.ask('m3', 'who', null)).resolves.toEqual({ outcome: 'tooOld' });
    expect(network.sent).toEqual([]);
  });

  test('of a kind that the version of a peer lacks counts the peer as too old', async () => {
    await expect(m1.askAll('new kind', null, ['m2'])).resolves.toMatchObject({
      unreachable: [],
      tooOld: ['m2'],
    });
    m2.on('new kind', () => {
      throw new QueryFault(503, 'not now');
    });
    await expect(m1.askAll('new kind', null, ['m2'])).resolves.toMatchObject({
      unreachable: ['m2'],
      tooOld: [],
    });
  });

  test('is not sent over a link that is down', async () => {
    m1.onLink('m2', 'down');
    await expect(m1.ask('m2', 'who', null)).resolves.toMatchObject({ outcome: 'unreachable' });
    expect(network.sent).toEqual([]);
  });

  test('ends with unreachable when its deadline passes', async () => {
    network.paused.add('m2');
    await expect(m1.ask('m2', 'who', null, 20)).resolves.toMatchObject({ outcome: 'unreachable' });
  });

  test('ends with unreachable as soon as the link goes down', async () => {
    network.paused.add('m2');
    const answer = m1.ask('m2', 'who', null);
    m1.onLink('m2', 'down');
    await expect(answer).resolves.toEqual({ outcome: 'unreachable', reason: 'its link is down' });
  });

  test('ignores answers of a member that was not asked', async () => {
    network.link('m1', 'm3');
    network.paused.add('m2');
    const answer = m1.ask('m2', 'who', null, 50);
    const { message } = network.sent[0]!;
    const { request } = message as Extract<PeerMessage, { type: 'query' }>;
    m1.onMessage('m3', { type: 'queryAnswer', request, code: 200, body: Buffer.from('"forged"') });
    await expect(answer).resolves.toMatchObject({ outcome: 'unreachable' });
  });

  test('fails when the answer is not JSON', async () => {
    network.paused.add('m2');
    const answer = m1.ask('m2', 'who', null);
    const { request } = network.sent[0]!.message as Extract<PeerMessage, { type: 'query' }>;
    m1.onMessage('m2', { type: 'queryAnswer', request, code: 200, body: Buffer.from('{') });
    await expect(answer).resolves.toMatchObject({ outcome: 'failed', code: 500 });
  });

  test('of an unknown kind fails with the code 404', async () => {
    await expect(m1.ask('m2', 'new', null)).resolves.toMatchObject({ outcome: 'failed', code: 404 });
  });

  test('fails with the code of the fault, and with 500 for any other error', async () => {
    m2.on('fault', () => {
      throw new QueryFault(409, 'not now');
    });
    m2.on('error', () => Promise.reject(new Error('secret')));
    m2.on('circular', () => {
      const body: Record<string, unknown> = {};
      return (body.self = body);
    });
    await expect(m1.ask('m2', 'fault', null)).resolves.toEqual({
      outcome: 'failed',
      code: 409,
      reason: 'not now',
    });
    const error = await m1.ask('m2', 'error', null);
    expect(error).toMatchObject({ outcome: 'failed', code: 500 });
    expect(JSON.stringify(error)).not.toContain('secret');
    await expect(m1.ask('m2', 'circular', null)).resolves.toMatchObject({ code: 500 });
  });

  test('fails with the code 413 when question or answer exceed 256 KiB', async () => {
    const long = 'x'.repeat(queryBodyBytesMax);
    m2.on('long', () => long);
    await expect(m1.ask('m2', 'long', null)).resolves.toMatchObject({ outcome: 'failed', code: 413 });
    await expect(m1.ask('m2', 'long', long)).resolves.toMatchObject({ outcome: 'failed', code: 413 });
  });
});

describe('a question to all members', () => {
  test('names the members that are unreachable and those that are too old', async () => {
    for (const queries of network.queries.values()) queries.on('who', () => queries.self);
    network.paused.add('m2');
    network.link('m1', 'm3', helloOf());
    const { answers, unreachable, tooOld } = await m1.askAll('who', null);
    expect([...answers]).toEqual([['m1', 'm1']]);
    expect({ unreachable, tooOld }).toEqual({ unreachable: ['m2'], tooOld: ['m3'] });
  });
});

describe('a member with a broken peer', () => {
  test('keeps a bounded number of questions of one peer, and answers the others with 429', async () => {
    let running = 0;
    m2.on('slow', () => {
      running++;
      return new Promise(() => {});
    });
    const codes: number[] = [];
    const flood = new PeerQueries({
      self: 'm2',
      members,
      send: (outgoing) => {
        for (const { message } of outgoing) if (message.type === 'queryAnswer') codes.push(message.code);
      },
      logger: silentLogger,
    });
    flood.on('slow', () => {
      running++;
      return new Promise(() => {});
    });
    for (let request = 0; request < unansweredMax + 10; request++) {
      flood.onMessage('m1', { type: 'query', request, kind: 'slow', body: Buffer.from('null') });
    }
    await turns(unansweredMax + 5);
    expect(running).toBe(unansweredMax);
    expect(codes).toEqual(Array(10).fill(429));
    flood.stop();
  });

  test('starts one question of a peer in each turn of the event loop', async () => {
    let running = 0;
    m2.on('count', () => ++running);
    const body = Buffer.from('null');
    for (let request = 0; request < 10; request++)
      m2.onMessage('m1', { type: 'query', request, kind: 'count', body });
    await turns(1);
    expect(running).toBeLessThanOrEqual(2);
    await turns(12);
    expect(running).toBe(10);
  });

  test('asks a peer that does not answer a bounded number of questions', async () => {
    network.paused.add('m2');
    const answers = Array.from({ length: openQuestionsMax + 5 }, () => m1.ask('m2', 'who', null, 30));
    await Promise.all(answers);
    expect(network.sent).toHaveLength(openQuestionsMax);
    // The questions that ended leave room for new ones.
    await m1.ask('m2', 'who', null, 1);
    expect(network.sent).toHaveLength(openQuestionsMax + 1);
  });

  test('answers a question that is not JSON with the code 400', async () => {
    m2.onMessage('m1', { type: 'query', request: 1, kind: 'who', body: Buffer.from('{') });
    await turns(3);
    expect(network.sent.map(({ message }) => message)).toMatchObject([{ type: 'queryAnswer', code: 400 }]);
  });

  test('passes all other messages to the member', () => {
    expect(m1.onMessage('m2', helloOf({ api: 1 }))).toBe(false);
    expect(m1.onMessage('m2', { type: 'propose', batches: [] })).toBe(false);
    expect(m1.onMessage('m2', { type: 'queryAnswer', request: 1, code: 200, body: Buffer.from('1') })).toBe(
      true,
    );
  });
});
