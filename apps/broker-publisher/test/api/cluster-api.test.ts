import type {
  ClientDetails,
  ClientSummary,
  MemberItem,
  Page,
  RetainedItem,
  SubscriptionItem,
} from '@mqtt-cluster/api';
import { accessSemantics } from '@mqtt-cluster/contracts';
import { host, until } from '@mqtt-cluster/testing';
import { ApiClient, readEvents } from '../support/api-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

const ids = ['m1', 'm2', 'm3'];
let cluster: TestCluster;
let api: ApiClient;

beforeAll(async () => {
  cluster = await TestCluster.start(ids);
  api = new ApiClient(cluster.httpUrl('m1'));
  // Every member has received the version of the others.
  await until(async () => {
    const { members } = await api.ok<{ members: MemberItem[] }>('listMembers', 'GET', '/members');
    return members.every(({ version }) => version !== undefined);
  });
  // The leader raises the semantics version in steps.
  await until(async () => (await cluster.status('m1')).semantics >= accessSemantics);
});

afterAll(() => cluster.close());

describe('the cluster', () => {
  it('shows all members with their roles, from any member', async () => {
    for (const id of ids) {
      const client = new ApiClient(cluster.httpUrl(id));
      type Seen = { members: MemberItem[]; member: string };
      // On a busy machine a member can be isolated, and an election can run, for a moment.
      await until(async () => {
        const seen = await client.ok<Seen>('getOverview', 'GET', '/overview');
        const isServing = seen.members.every(({ state, reachable }) => state === 'serving' && reachable);
        const leaders = seen.members.filter(({ role }) => role === 'leader');
        return isServing && leaders.length === 1 && seen.members.every(({ lag }) => lag !== null);
      });
      const overview = await client.ok<Seen>('getOverview', 'GET', '/overview');
      expect(overview.member).toBe(id);
      expect(overview.members.map((member) => member.id)).toEqual(ids);
    }
  });

  it('serves its OpenAPI document', async () => {
    const { body } = await api.send('GET', '/openapi.json');
    expect((body as { openapi: string }).openapi).toBe('3.1.0');
  });

  it('changes a setting, and shows it at another member', async () => {
    // An election on a busy machine makes the member refuse the change for a moment.
    await until(async () => {
      const { status, body } = await api.send('PATCH', '/settings', { retainedMax: 777 });
      return status === 200 && (body as { retainedMax: number }).retainedMax === 777;
    });
    const other = new ApiClient(cluster.httpUrl('m2'));
    await until(
      async () =>
        (await other.ok<{ retainedMax: number }>('getSettings', 'GET', '/settings')).retainedMax === 777,
    );
  });

  it('returns the same health as the old path', async () => {
    await until(async () => (await cluster.get('m1', '/cluster/health')).status === 200);
    const { healthy } = await api.ok<{ healthy: boolean }>('getHealth', 'GET', '/health');
    expect(healthy).toBe(true);
  });

  it('returns a backup that starts with its header', async () => {
    // An election on a busy machine makes the member refuse for a moment.
    let response = await api.raw('GET', '/backup');
    await until(
      async () => response.status === 200 || (response = await api.raw('GET', '/backup')).status === 200,
    );
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(
      Buffer.from(await response.arrayBuffer())
        .subarray(0, 40)
        .toString(),
    ).toContain('mqtt-cluster-backup');
  });

  it('lists the members as targets of Prometheus', async () => {
    const targets = await api.ok<{ targets: string[]; labels: { member: string } }[]>(
      'listPrometheusTargets',
      'GET',
      '/prometheus/targets',
    );
    expect(targets.map(({ targets: [target], labels }) => [labels.member, target])).toEqual(
      ids.map((id) => [id, `${host}:${cluster.portsOf(id).http}`]),
    );
  });

  it('explains what a removal and a drain would do to the majority', async () => {
    const effect = (action: string) =>
      api.ok('getChangeEffect', 'GET', `/members/m3/change-effect?action=${action}`);
    expect(await effect('remove')).toMatchObject({
      allowed: false,
      votersNow: 3,
      votersAfter: 2,
      majorityAfter: 2,
      text: 'm3 does not drain: drain it first, then remove it.',
    });
    expect(await effect('drain')).toMatchObject({ allowed: true, votersAfter: 3, majorityAfter: 2 });
    expect(await effect('add')).toMatchObject({
      allowed: false,
      text: 'm3 is a member of the cluster already.',
    });
  });

  it('does not remove a member that has not drained, and the answer names the drain', async () => {
    const { status, detail } = await api.problem('DELETE', '/members/m3');
    expect({ status, detail }).toEqual({
      status: 409,
      detail: expect.stringContaining('drain it first (command "drain m3")'),
    });
  });

  it('drains another member and ends the drain, and each answer names that member', async () => {
    const drainOf = async () => {
      const { members } = await api.ok<{ members: MemberItem[] }>('listMembers', 'GET', '/members');
      const { state, drained } = members[1]!;
      return { state, drained };
    };
    expect(await drainOf()).toEqual({ state: 'serving', drained: false });
    expect(await api.ok('drainMember', 'POST', '/members/m2/drain', { exit: false })).toEqual({
      ok: true,
      text: 'm2 drains; use undrain to accept clients again',
    });
    // The member itself reports the end of the drain to the asked member.
    await until(async () => (await drainOf()).drained === true);
    expect(await drainOf()).toEqual({ state: 'draining', drained: true });
    expect(await api.ok('undrainMember', 'POST', '/members/m2/undrain', {})).toEqual({
      ok: true,
      text: 'm2 accepts clients again',
    });
    await until(async () => (await drainOf()).state === 'serving');
    expect(await drainOf()).toEqual({ state: 'serving', drained: false });
  });

  it('adds, lists and deletes a user, and never shows the password', async () => {
    await api.ok('putUser', 'PUT', '/users/ann', { password: 'secret of ann', role: 'viewer' });
    const { body } = await api.send('GET', '/users');
    expect(body).toMatchObject({ users: [{ name: 'ann', role: 'viewer' }] });
    expect(JSON.stringify(body)).not.toMatch(/hash|scrypt|secret/);
    await api.ok('deleteUser', 'DELETE', '/users/ann');
    expect(await api.problem('DELETE', '/users/ann')).toMatchObject({ status: 404 });
  });
});

describe('clients', () => {
  it('finds clients of all members by page, id, member and connection', async () => {
    for (const id of ids) await cluster.connect(id, `find-${id}`, { clean: false });
    const offline = await cluster.connect('m1', 'find-offline', { clean: false });
    offline.send({ cmd: 'disconnect' });
    const list = (query: string) =>
      api.ok<Page<ClientSummary>>('listClients', 'GET', `/clients?id=find-&${query}`);
    await until(async () => (await list('connected=true')).items.length === 3);
    const first = await list('limit=2');
    const second = await list(`limit=2&after=${first.next}`);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual([
      'find-m1',
      'find-m2',
      'find-m3',
      'find-offline',
    ]);
    expect(second.next).toBeNull();
    expect((await list('member=m2')).items.map(({ id }) => id)).toEqual(['find-m2']);
    expect((await list('connected=false')).items.map(({ id }) => id)).toEqual(['find-offline']);
    expect((await list('user=nobody')).items).toEqual([]);
    const [remote] = (await list('member=m3')).items;
    expect(remote).toMatchObject({
      protocol: '3.1.1',
      address: expect.stringMatching(/^127\./),
      connected: true,
      clean: false,
    });
    expect(typeof remote!.connectedSinceMs).toBe('number');
  });

  it('shows a client of another member with its subscriptions, also those of a clean session', async () => {
    const client = await cluster.connect('m2', 'detail', { protocolVersion: 5, keepalive: 90 });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'detail/+', qos: 1 }] });
    await client.got('suback');
    await until(async () => (await api.send('GET', '/clients/detail')).status === 200);
    const details = await api.ok<ClientDetails>('getClient', 'GET', '/clients/detail');
    expect(details).toMatchObject({
      member: 'm2',
      protocol: '5.0',
      clean: true,
      keepAliveSeconds: 90,
      subscriptions: 1,
      subscriptionList: [{ filter: 'detail/+', qos: 1, noLocal: false, retainAsPublished: false }],
      unreachable: [],
      tooOld: [],
    });
    expect(details.events.map(({ kind }) => kind)).toContain('connected');
  });

  it('disconnects one client of another member, and many', async () => {
    const one = await cluster.connect('m3', 'kick/one', { clean: false });
    const path = `/clients/${encodeURIComponent('kick/one')}`;
    await until(async () => (await api.send('GET', path)).status === 200);
    expect(await api.ok('disconnectClient', 'DELETE', `${path}/connection`)).toEqual({ ended: true });
    await one.closed;
    expect(await api.ok('disconnectClient', 'DELETE', `${path}/connection`)).toEqual({ ended: false });
    await cluster.connect('m1', 'kick-a');
    await cluster.connect('m2', 'kick-b');
    expect(
      await api.ok('disconnectClients', 'POST', '/clients/disconnect', {
        ids: ['kick-a', 'kick-b', 'kick-c'],
      }),
    ).toMatchObject({ ended: 2, notConnected: ['kick-c'] });
    expect(await api.problem('DELETE', '/clients/kick-none/connection')).toMatchObject({ status: 404 });
  });

  it('deletes a session with its subscriptions', async () => {
    const client = await cluster.connect('m2', 'forget', { clean: false });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'forget/me', qos: 1 }] });
    await client.got('suback');
    await until(async () => (await api.send('GET', '/clients/forget')).status === 200);
    expect(await api.ok('deleteSession', 'DELETE', '/clients/forget/session')).toEqual({ deleted: true });
    await client.closed;
    await until(async () => (await api.send('GET', '/clients/forget')).status === 404);
    expect(await api.ok('deleteSession', 'DELETE', '/clients/forget/session')).toEqual({ deleted: false });
  });
});

describe('dropped messages', () => {
  it('of a full queue count for the absent client, at every member', async () => {
    const change = (queuedMessagesMax: number): Promise<void> =>
      until(async () => (await api.send('PATCH', '/settings', { queuedMessagesMax })).status === 200);
    await change(2);
    const client = await cluster.connect('m1', 'overfull', { clean: false });
    await client.subscribe('overfull/x', 1);
    client.send({ cmd: 'disconnect' });
    const read = (id: string): Promise<ClientDetails> =>
      new ApiClient(cluster.httpUrl(id)).ok<ClientDetails>('getClient', 'GET', '/clients/overfull');
    await until(async () => !(await read('m1')).connected);
    for (let number = 0; number < 5; number++)
      await api.ok('publish', 'POST', '/publish', { topic: 'overfull/x', payload: 'x', qos: 1 });
    for (const id of ids) await until(async () => (await read(id)).dropped === 3);
    await change(1_000);
  });
});

describe('subscriptions', () => {
  it('lists who would get a message, from clean sessions of all members and from persistent sessions', async () => {
    for (const [index, id] of ids.entries()) {
      const client = await cluster.connect(id, `sub-${id}`, { clean: index !== 0 });
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'who/+', qos: 1 }] });
      await client.got('suback');
    }
    const list = (query: string) =>
      api.ok<Page<SubscriptionItem>>('listSubscriptions', 'GET', `/subscriptions?${query}`);
    await until(async () => (await list('topic=who/me')).items.length === 3);
    const { items } = await list('topic=who/me');
    expect(items.map(({ client, member, filter }) => [client, member, filter])).toEqual(
      ids.map((id) => [`sub-${id}`, id, 'who/+']),
    );
    const pages: string[] = [];
    for (let after = ''; ;) {
      const page = await list(`filter=${encodeURIComponent('who/+')}&limit=1${after}`);
      pages.push(...page.items.map(({ client }) => client));
      if (page.next === null) break;
      after = `&after=${page.next}`;
    }
    expect(pages).toEqual(['sub-m1', 'sub-m2', 'sub-m3']);
    expect((await list('topic=other')).items).toEqual([]);
  });

  it('lists all subscriptions of all members in pages, also those of clean sessions', async () => {
    for (const [index, id] of ids.entries()) {
      const client = await cluster.connect(id, `every-${id}`, { clean: index !== 0 });
      const topics = ['every/b', 'every/a', '$share/g/every/+'];
      const subscriptions = topics.map((topic) => ({ topic, qos: 1 as const }));
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
      await client.got('suback');
    }
    const all = async (limit: number): Promise<string[]> => {
      const found: string[] = [];
      for (let after = ''; ;) {
        const query = `/subscriptions?limit=${limit}${after}`;
        const page = await api.ok<Page<SubscriptionItem>>('listSubscriptions', 'GET', query);
        expect([page.unreachable, page.tooOld]).toEqual([[], []]);
        found.push(...page.items.map(({ client, filter, member }) => `${client} ${filter} ${member}`));
        if (page.next === null) return found.filter((text) => text.startsWith('every-'));
        after = `&after=${page.next}`;
      }
    };
    const expected = ids.flatMap((id) =>
      ['$share/g/every/+', 'every/a', 'every/b'].map((filter) => `every-${id} ${filter} ${id}`),
    );
    await until(async () => (await all(500)).length === expected.length);
    expect(await all(500)).toEqual(expected);
    expect(await all(2)).toEqual(expected);
  });
});

describe('messages', () => {
  it('publishes a retained message, lists it, reads it and deletes it', async () => {
    const publish = (topic: string, payload: string, more = {}) =>
      api.ok('publish', 'POST', '/publish', { topic, payload, qos: 1, retain: true, ...more });
    await publish('kept/a', 'hello', {
      properties: { contentType: 'text/plain', userProperties: [['k', 'v']] },
    });
    await publish('kept/b', Buffer.from([0, 255]).toString('base64'), { encoding: 'base64' });
    const list = () =>
      api.ok<Page<RetainedItem>>('listRetained', 'GET', `/retained?filter=${encodeURIComponent('kept/#')}`);
    expect((await list()).items.map(({ topic, payloadBytes }) => [topic, payloadBytes])).toEqual([
      ['kept/a', 5],
      ['kept/b', 2],
    ]);
    expect(await api.ok('getRetainedMessage', 'GET', '/retained/message?topic=kept/a')).toMatchObject({
      payload: Buffer.from('hello').toString('base64'),
      properties: { contentType: 'text/plain', userProperties: [['k', 'v']] },
    });
    expect(await api.ok('deleteRetainedMessage', 'DELETE', '/retained/message?topic=kept/a')).toEqual({
      deleted: true,
    });
    const remove = (dryRun: boolean) =>
      api.ok('deleteRetained', 'DELETE', `/retained?filter=${encodeURIComponent('kept/#')}&dryRun=${dryRun}`);
    expect(await remove(true)).toEqual({ matched: 1, deleted: 0, dryRun: true, next: null });
    expect((await list()).items).toHaveLength(1);
    expect(await remove(false)).toEqual({ matched: 1, deleted: 1, dryRun: false, next: null });
    expect((await list()).items).toEqual([]);
    expect(await api.problem('GET', '/retained/message?topic=kept/a')).toMatchObject({ status: 404 });
  });

  it('deletes retained messages of a filter by several requests, each with the cursor of the one before', async () => {
    const topics = Array.from({ length: 5 }, (_, number) => `many/${number}`);
    for (const topic of [...topics, 'other'])
      await api.ok('publish', 'POST', '/publish', { topic, payload: 'x', qos: 1, retain: true });
    const remove = (query: string) =>
      api.ok<{ deleted: number; next: string | null }>(
        'deleteRetained',
        'DELETE',
        `/retained?filter=${encodeURIComponent('many/#')}&${query}`,
      );
    expect(await remove('dryRun=true&limit=2')).toMatchObject({ matched: 2, deleted: 0 });
    const first = await remove('dryRun=false&limit=3');
    expect(first).toMatchObject({ matched: 3, deleted: 3 });
    expect(await remove(`dryRun=false&limit=3&after=${first.next}`)).toEqual({
      matched: 2,
      deleted: 2,
      dryRun: false,
      next: null,
    });
    const { items } = await api.ok<Page<RetainedItem>>('listRetained', 'GET', '/retained?filter=%23');
    expect(items.map(({ topic }) => topic)).toEqual(['other']);
  });

  it('streams the messages of a filter from all members, and ends after max messages', async () => {
    const response = await api.raw(
      'GET',
      `/subscribe?filter=${encodeURIComponent('flow/#')}&qos=1&max=2&seconds=60`,
    );
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const events = readEvents(response);
    const other = new ApiClient(cluster.httpUrl('m3'));
    for (const payload of ['one', 'two', 'three'])
      await other.ok('publish', 'POST', '/publish', { topic: 'flow/x', payload, qos: 1 });
    const received = (await events).map(({ data }) => data as { topic: string; payload: string });
    expect(received.map(({ payload }) => Buffer.from(payload, 'base64').toString())).toEqual(['one', 'two']);
  });

  it('ends a stream after its seconds', async () => {
    const response = await api.raw('GET', '/subscribe?filter=silent&seconds=1');
    expect(await readEvents(response)).toEqual([]);
  });

  it('reports that a message with QoS 1 has no subscribers', async () => {
    const body = { topic: 'nobody', payload: '', qos: 1 };
    const publish = () => api.ok<object>('publish', 'POST', '/publish', body);
    // A member reports it only while it has the subscriptions of all other members.
    await until(async () => 'noSubscribers' in (await publish()));
    for (const qos of [0, 2])
      expect(
        await api.ok('publish', 'POST', '/publish', { topic: 'flow/q', payload: 'x', qos }),
      ).toMatchObject({ acknowledged: qos > 0 });
  });
});

describe('events', () => {
  it('pages through all events without a repetition', async () => {
    type Listed = { events: { atMs: number; text: string }[]; next: string | null };
    const read = async (limit: number): Promise<Listed['events']> => {
      const events = [];
      let next: string | null = null;
      do {
        const after: string = next === null ? '' : `&after=${next}`;
        const page: Listed = await api.ok<Listed>('listEvents', 'GET', `/events?limit=${limit}${after}`);
        events.push(...page.events);
        next = page.next;
      } while (next !== null);
      return events;
    };
    const all = await read(500);
    const seen = await read(3);
    // The newest events are first. On a busy machine an event can happen between the two lists.
    expect(seen.slice(-all.length)).toEqual(all);
  });
});

describe('traces', () => {
  it('stream the packets of a client of another member, without payloads', async () => {
    const response = await api.raw('GET', '/trace?client=traced&seconds=60');
    const events = readEvents(response, 4);
    const client = await cluster.connect('m2', 'traced');
    client.send({
      cmd: 'publish',
      topic: 'traced/x',
      payload: 'private',
      qos: 1,
      messageId: 7,
      dup: false,
      retain: false,
    });
    await client.got('puback');
    const received = await events;
    const lines = received
      .filter(({ event }) => event === 'message')
      .map(({ data }) => data as Record<string, unknown>);
    expect(lines.map(({ packet, member }) => [packet, member])).toContainEqual(['CONNECT', 'm2']);
    expect(JSON.stringify(received)).not.toContain(Buffer.from('private').toString('base64'));
    expect(received.find(({ event }) => event === 'missing')?.data).toEqual({ unreachable: [], tooOld: [] });
  });
});
