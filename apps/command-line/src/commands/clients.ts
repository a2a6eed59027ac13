import type { Schemas } from '@mqtt-cluster/api/client';
import type { Command } from 'commander';
import type { Context } from '../program/context.ts';
import { UsageError } from '../program/errors.ts';
import { defined, text } from '../program/options.ts';
import { tableOf } from '../program/output.ts';
import type { Columns } from '../program/output.ts';
import type { Registry } from '../program/registry.ts';
import { table } from '../text/table.ts';
import { bytes, count, orDash, time, yesNo } from '../text/values.ts';
import { eventLine } from './event-line.ts';
import { gather, noteLimits, withPages } from './pages.ts';
import type { PageOptions } from './pages.ts';

interface ClientFilter extends PageOptions {
  readonly id?: string;
  readonly clientUser?: string;
  readonly address?: string;
  readonly member?: string;
  readonly connected?: boolean;
  readonly disconnected?: boolean;
}

/** Clients of one request; the API's bound. */
const disconnectMax = 1_000;

const columns: Columns<Schemas['ClientSummary']> = {
  CLIENT: ({ id }) => id,
  MEMBER: ({ connected, member }) => (connected ? orDash(member) : 'not connected'),
  USER: ({ user }) => orDash(user),
  ADDRESS: ({ address }) => orDash(address),
  MQTT: ({ protocol }) => orDash(protocol),
  SINCE: ({ connectedSinceMs }) => time(connectedSinceMs),
  SUBS: ({ subscriptions }) => String(subscriptions),
  QUEUED: ({ queuedMessages }) => String(queuedMessages),
  DROPPED: ({ dropped }) => String(dropped),
};

const subscriptionColumns: Columns<Schemas['Subscription']> = {
  CLIENT: ({ client }) => client,
  FILTER: ({ filter }) => filter,
  QOS: ({ qos }) => String(qos),
  SHARED: ({ shared }) => yesNo(shared),
  MEMBER: ({ connected, member }) => (connected ? orDash(member) : 'not connected'),
};

/** Declares the commands for clients, sessions and subscriptions. */
export function addClientCommands(program: Command, registry: Registry): void {
  const clients = registry.group(program, 'clients', 'list, show and disconnect clients', {
    clients: 'all clients and sessions',
    'clients show boiler-7': 'one client with its session',
    'clients disconnect boiler-7': 'close its connection',
  });
  registry.add<ClientFilter>(clients, {
    usage: 'list',
    isDefault: true,
    description: 'print all clients and sessions, sorted by client id (the default)',
    examples: {
      'clients --id boiler- --connected': 'connected clients with "boiler-" in the id',
      'clients --member 10.0.0.51 --limit 20': 'the first 20 clients of a member',
      "clients --json | jq '.items[].id'": 'the ids for a program',
    },
    options: (command) =>
      withPages(command)
        .option('--id <TEXT>', 'only ids that contain TEXT', text)
        .option('--client-user <NAME>', 'only clients of this user', text)
        .option('--address <IP>', 'only clients with this address', text)
        .option('--member <ID>', 'only clients of this member', text)
        .option('--connected', 'only connected clients')
        .option('--disconnected', 'only sessions without a connection'),
    run: listClients,
  });
  registry.add(clients, {
    usage: 'show <ID>',
    description: 'print one client with its session',
    examples: { 'clients show boiler-7': 'subscriptions, queue, will, last disconnect' },
    run: async (context, [id = '']) => {
      const connection = await context.connect();
      const client = await connection.ask((api) => api.GET('/clients/{id}', { params: { path: { id } } }));
      context.output.show(client, describeClient);
      context.noteGaps(client);
    },
  });
  registry.add(clients, {
    usage: 'disconnect <ID...>',
    description: 'close the connections of clients; their sessions stay',
    examples: {
      'clients disconnect boiler-7': 'close one connection',
      "clients disconnect $(mqtt-cluster clients --id test- --json | jq -r '.items[].id')": 'close many',
    },
    run: (context, ids) => disconnect(context, ids),
  });

  const sessions = registry.group(program, 'sessions', 'delete sessions', {
    'sessions delete boiler-7': 'delete a session with its subscriptions and its queue',
  });
  registry.add(sessions, {
    usage: 'delete <ID>',
    description:
      'delete a session with its subscriptions and its queue; a connected client is disconnected first',
    examples: { 'sessions delete boiler-7': 'the messages of its queue are lost' },
    run: async (context, [id = '']) => {
      const connection = await context.connect();
      const answer = await connection.ask((api) =>
        api.DELETE('/clients/{id}/session', { params: { path: { id } } }),
      );
      const text = answer.deleted ? `session ${id} deleted` : `there is no session ${id}`;
      context.output.show(answer, () => `${text}\n`);
      return answer.deleted ? 0 : 1;
    },
  });

  registry.add<PageOptions & { filter?: string; topic?: string }>(program, {
    usage: 'subscriptions',
    description: 'print subscriptions: all, those to a filter, or those that would get a message on a topic',
    examples: {
      'subscriptions --topic boilers/7/temperature': 'which clients get a message on this topic',
      "subscriptions --filter 'boilers/#'": 'subscriptions to exactly this filter',
    },
    options: (command) =>
      withPages(command)
        .option('--filter <FILTER>', 'only subscriptions to exactly this filter', text)
        .option('--topic <TOPIC>', 'only subscriptions that would get a message on this topic', text),
    run: async (context, _operands, { filter, topic, ...pages }) => {
      if (filter !== undefined && topic !== undefined)
        throw new UsageError('subscriptions: --filter and --topic exclude each other');
      const connection = await context.connect();
      const page = await gather(context, pages, 'subscriptions', (query) =>
        connection.ask((api) =>
          api.GET('/subscriptions', { params: { query: { ...query, ...defined({ filter, topic }) } } }),
        ),
      );
      const none = 'There is no such subscription.';
      context.output.showTable(page, { columns: subscriptionColumns, items: page.items, none });
      noteLimits(context, page, 'subscriptions');
    },
  });
}

async function listClients(
  context: Context,
  _operands: readonly string[],
  given: ClientFilter,
): Promise<void> {
  const { id, clientUser, address, member } = given;
  if (given.connected && given.disconnected)
    throw new UsageError('clients: --connected and --disconnected exclude each other');
  const connected = given.connected ? true : given.disconnected ? false : undefined;
  const filter = defined({ id, user: clientUser, address, member, connected });
  const connection = await context.connect();
  const page = await gather(context, given, 'clients', (query) =>
    connection.ask((api) => api.GET('/clients', { params: { query: { ...query, ...filter } } })),
  );
  context.output.showTable(page, { columns, items: page.items, none: 'There is no such client.' });
  noteLimits(context, page, 'clients');
}

async function disconnect(context: Context, ids: readonly string[]): Promise<number> {
  const connection = await context.connect();
  const total = {
    ended: 0,
    notConnected: [] as string[],
    unreachable: [] as string[],
    tooOld: [] as string[],
  };
  for (let start = 0; start < ids.length; start += disconnectMax) {
    const body = { ids: ids.slice(start, start + disconnectMax) };
    const answer = await connection.ask((api) => api.POST('/clients/disconnect', { body }));
    total.ended += answer.ended;
    total.notConnected.push(...answer.notConnected);
    total.unreachable = [...new Set([...total.unreachable, ...answer.unreachable])];
    total.tooOld = [...new Set([...total.tooOld, ...answer.tooOld])];
  }
  context.output.show(total, ({ ended }) => `${count(ended, 'connection')} closed\n`);
  if (total.notConnected.length > 0) context.output.note(`Not connected: ${total.notConnected.join(', ')}.`);
  context.noteGaps(total);
  return total.notConnected.length === 0 ? 0 : 1;
}

function describeClient(client: Schemas['Client']): string {
  const { will, lastDisconnect, subscriptionList, events } = client;
  const session = client.clean ? 'ends with the connection' : `kept for ${client.expirySeconds} s`;
  const rows = [
    ['client', client.id],
    [
      'connected',
      client.connected ? `to ${orDash(client.member)} since ${time(client.connectedSinceMs)}` : 'no',
    ],
    ['user', orDash(client.user)],
    ['owner', orDash(client.owner)],
    ['address', `${orDash(client.address)} (listener ${orDash(client.listener)})`],
    ['protocol', `MQTT ${orDash(client.protocol)}, keep-alive ${orDash(client.keepAliveSeconds)} s`],
    ['session', session],
    ['queue', `${count(client.queuedMessages, 'message')}, ${bytes(client.queuedBytes)}`],
    ['in flight', `${client.inFlight} of at most ${client.receiveMaximum}`],
    ['dropped', count(client.dropped, 'message')],
    [
      'will',
      will === null
        ? '-'
        : `${will.topic}, QoS ${will.qos}, ${bytes(will.payloadBytes)}${will.retain ? ', retained' : ''}, ` +
          `after ${will.delaySeconds} s`,
    ],
    [
      'last end',
      lastDisconnect === null
        ? '-'
        : `${time(lastDisconnect.atMs)} at ${lastDisconnect.member}: ${lastDisconnect.reason}`,
    ],
  ];
  const parts = [table(rows)];
  if (subscriptionList.length > 0) {
    parts.push(
      tableOf<Schemas['ClientSubscription']>(
        {
          SUBSCRIPTION: ({ filter }) => filter,
          QOS: ({ qos }) => String(qos),
          'NO LOCAL': ({ noLocal }) => yesNo(noLocal),
          IDENTIFIER: ({ identifier }) => orDash(identifier),
        },
        subscriptionList,
      ),
    );
  }
  if (events.length > 0) parts.push(`${events.map(eventLine).join('\n')}\n`);
  return parts.join('\n');
}
