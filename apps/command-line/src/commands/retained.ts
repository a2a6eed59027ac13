import type { Schemas } from '@mqtt-cluster/api/client';
import type { Command } from 'commander';
import type { Connection } from '../connection/connection.ts';
import type { Context } from '../program/context.ts';
import { CommandError } from '../program/errors.ts';
import { defined } from '../program/options.ts';
import type { Columns } from '../program/output.ts';
import type { Registry } from '../program/registry.ts';
import { payloadText } from '../text/printable.ts';
import { table } from '../text/table.ts';
import { bytes, count, orDash } from '../text/values.ts';
import { gather, noteLimits, withPages } from './pages.ts';
import type { PageOptions } from './pages.ts';

const columns: Columns<Schemas['RetainedItem']> = {
  TOPIC: ({ topic }) => topic,
  QOS: ({ qos }) => String(qos),
  SIZE: ({ payloadBytes }) => bytes(payloadBytes),
  EXPIRES: ({ expiresInSeconds }) =>
    expiresInSeconds === null ? '-' : `in ${Math.ceil(expiresInSeconds)} s`,
  PAYLOAD: ({ payloadPreview, payloadBytes }) => payloadText(payloadPreview, payloadBytes),
};

/** Messages that one request deletes: small enough for regular progress. */
const deletionsPerRequest = 2_000;

/** Declares the commands for retained messages. */
export function addRetainedCommands(program: Command, registry: Registry): void {
  const retained = registry.group(program, 'retained', 'list, show and delete retained messages', {
    retained: 'all retained messages',
    'retained show boilers/7/setpoint': 'one message with its payload',
    "retained delete 'boilers/#' --dry-run": 'count what would be deleted',
  });
  registry.add<PageOptions>(retained, {
    usage: 'list [FILTER]',
    isDefault: true,
    description: 'print retained messages, all or those whose topic matches FILTER (the default)',
    examples: {
      "retained list 'boilers/+/setpoint'": 'messages on matching topics',
      "retained list 'boilers/#' --json": 'the payloads as base64',
    },
    options: withPages,
    run: async (context, [filter], pages) => {
      const connection = await context.connect();
      const page = await gather(context, pages, 'messages', (query) =>
        connection.ask((api) =>
          api.GET('/retained', { params: { query: { ...query, ...defined({ filter }) } } }),
        ),
      );
      context.output.showTable(page, {
        columns,
        items: page.items,
        none: 'There is no such retained message.',
      });
      noteLimits(context, page, 'messages');
    },
  });
  registry.add<{ raw?: boolean }>(retained, {
    usage: 'show <TOPIC>',
    description: 'print one retained message with its payload',
    examples: {
      'retained show boilers/7/setpoint': 'properties and payload',
      'retained show boilers/7/setpoint --raw > setpoint': 'only the bytes of the payload',
    },
    options: (command) => command.option('--raw', 'write only the bytes of the payload'),
    run: async (context, [topic = ''], { raw }) => {
      const connection = await context.connect();
      const message = await connection.ask((api) =>
        api.GET('/retained/message', { params: { query: { topic } } }),
      );
      if (raw) context.output.raw(Buffer.from(message.payload, 'base64'));
      else context.output.show(message, describeMessage);
    },
  });
  registry.add<{ dryRun?: boolean }>(retained, {
    usage: 'delete <FILTER>',
    description: 'delete the retained messages whose topic matches FILTER',
    examples: {
      "retained delete 'boilers/#' --dry-run": 'count what would be deleted',
      "retained delete 'boilers/#'": 'delete them',
    },
    options: (command) => command.option('--dry-run', 'only count the messages'),
    run: async (context, [filter = ''], { dryRun = false }) => {
      const connection = await context.connect();
      if (!dryRun) return deleteAll(context, connection, filter);
      const answer = await connection.ask((api) =>
        api.DELETE('/retained', { params: { query: { filter, dryRun } } }),
      );
      context.output.show(
        answer,
        ({ matched }) => `${count(matched, 'retained message')} would be deleted\n`,
      );
    },
  });
}

/**
 * Deletes the messages of a filter by as many requests as needed.
 *
 * @throws CommandError a request failed, or the server repeats a part
 */
async function deleteAll({ output }: Context, connection: Connection, filter: string): Promise<void> {
  const total = { matched: 0, deleted: 0, dryRun: false };
  let after: string | null = null;
  do {
    const query = { filter, dryRun: false, limit: deletionsPerRequest, ...(after !== null && { after }) };
    try {
      const answer: Schemas['RetainedDeletion'] = await connection.ask((api) =>
        api.DELETE('/retained', { params: { query } }),
      );
      total.matched += answer.matched;
      total.deleted += answer.deleted;
      // An answer without the cursor is the last one.
      const next: string | null = answer.next ?? null;
      if (next !== null && next === after)
        throw new CommandError('the server repeats a part of the deletion: ask another member');
      after = next;
    } catch (error) {
      if (total.deleted > 0)
        output.note(`${count(total.deleted, 'retained message')} deleted before this failure.`);
      throw error;
    }
    if (after !== null) output.progress(`${count(total.deleted, 'retained message')} deleted…`);
  } while (after !== null);
  output.show(
    total,
    ({ matched, deleted }) => `${deleted} of ${count(matched, 'retained message')} deleted\n`,
  );
}

function describeMessage(message: Schemas['RetainedMessage']): string {
  const { topic, qos, payloadBytes, expiresInSeconds, properties, payload } = message;
  const rows = [
    ['topic', topic],
    ['QoS', String(qos)],
    ['size', bytes(payloadBytes)],
    ['expires', expiresInSeconds === null ? '-' : `in ${Math.ceil(expiresInSeconds)} s`],
    ...Object.entries(properties).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : orDash(String(value)),
    ]),
    ['payload', payloadText(payload)],
  ];
  return table(rows);
}
