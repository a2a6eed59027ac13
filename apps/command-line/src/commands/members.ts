import type { Schemas } from '@mqtt-cluster/api/client';
import type { Command } from 'commander';
import type { Connection } from '../connection/connection.ts';
import type { Context } from '../program/context.ts';
import { CommandError } from '../program/errors.ts';
import { table } from '../text/table.ts';
import { count, yesNo } from '../text/values.ts';
import type { Registry } from '../program/registry.ts';
import { memberColumns } from './cluster.ts';

type Action = 'add' | 'remove' | 'drain';

interface EffectOption {
  readonly dryRun?: boolean;
}

const withDryRun = (command: Command): Command =>
  command.option(
    '--dry-run',
    'only print what the change would do to the majority; status 1 if it is not allowed',
  );

/** Declares the commands for members and leadership. */
export function addMemberCommands(program: Command, registry: Registry): void {
  registry.add(program, {
    usage: 'members',
    description: 'print all members with their state and log lag',
    examples: { members: 'a table', "members --json | jq '.members[].state'": 'the states for a program' },
    run: async (context) => {
      const connection = await context.connect();
      const list = await connection.ask((api) => api.GET('/members'));
      context.output.showTable(list, {
        columns: memberColumns,
        items: list.members,
        none: 'There is no member.',
      });
      context.noteGaps(list);
    },
  });
  registry.add<EffectOption>(program, {
    usage: 'add <ID>',
    description: 'add a member that the peers setting of all members lists, and wait until it votes',
    examples: {
      'add 10.0.0.58 --dry-run': 'what it would do to the majority',
      'add 10.0.0.58 --wait 300': 'wait at most 300 s until it votes',
    },
    options: withDryRun,
    run: async (context, [id = ''], { dryRun }) => {
      const connection = await context.connect();
      if (dryRun) return showEffect(context, connection, id, 'add');
      await context.retrying(() => connection.ask((api) => api.POST('/members', { body: { id } })));
      context.done(await context.waitFor(() => votes(connection, id)));
      return 0;
    },
  });
  registry.add<EffectOption & { force?: boolean }>(program, {
    usage: 'remove <ID>',
    description: 'remove a member that has drained from the cluster',
    examples: {
      'remove 10.0.0.57 --dry-run': 'what it would do to the majority',
      'remove 10.0.0.57': 'after "drain 10.0.0.57"',
      'remove 10.0.0.57 --force': 'if the member and its disk are lost',
    },
    options: (command) =>
      withDryRun(command).option(
        '--force',
        'remove the member without a drain, although its disk may contain acknowledged messages that the cluster lacks',
      ),
    run: async (context, [id = ''], { dryRun, force = false }) => {
      const connection = await context.connect();
      if (dryRun) return showEffect(context, connection, id, 'remove');
      const params = { path: { id }, query: force ? { force } : {} };
      const { text } = await context.retrying(() =>
        connection.ask((api) => api.DELETE('/members/{id}', { params })),
      );
      context.done(text);
      return 0;
    },
  });
  const { host } = registry;
  const operand = host === null ? '<ID>' : '[ID]';
  registry.add<EffectOption & { exit?: boolean }>(program, {
    usage: `drain ${operand}`,
    description:
      'move the clients and the leadership of a member to the others, and wait until it has no clients' +
      (host === null ? '' : '; without ID: this member, and its process ends'),
    examples: {
      ...(host !== null && {
        drain: 'this member, and end its process',
        'drain --no-exit': 'this member; undrain ends the drain',
      }),
      'drain 10.0.0.57 --dry-run': 'what it would do to the majority',
      'drain 10.0.0.57': 'the process stays; undrain ends the drain',
      'drain 10.0.0.57 --exit': 'end the process afterwards',
    },
    options: (command) => {
      withDryRun(command).option('--exit', 'end the process after the drain');
      return host === null ? command : command.option('--no-exit', 'keep the process of this member running');
    },
    run: async (context, [given], { dryRun, exit = given === undefined }) => {
      const connection = await context.connect();
      const id = given ?? (await askedMember(connection));
      if (dryRun) return showEffect(context, connection, id, 'drain');
      const request = { params: { path: { id } }, body: { exit } };
      await context.retrying(() => connection.ask((api) => api.POST('/members/{id}/drain', request)));
      context.done(await context.waitFor(() => drained(connection, id, exit)));
      return 0;
    },
  });
  registry.add(program, {
    usage: `undrain ${operand}`,
    description:
      'end a drain: the member accepts clients again' + (host === null ? '' : '; without ID: this member'),
    examples: { 'undrain 10.0.0.57': 'clients may connect to it again' },
    run: async (context, [given]) => {
      const connection = await context.connect();
      const params = { path: { id: given ?? (await askedMember(connection)) } };
      const { text } = await connection.ask((api) => api.POST('/members/{id}/undrain', { params }));
      context.done(text);
    },
  });
  registry.add(program, {
    usage: 'transfer [ID]',
    description: 'transfer the leadership to member ID, or to the voter with the longest log',
    examples: { transfer: 'the leader chooses', 'transfer 10.0.0.52': 'to this member' },
    run: async (context, [to]) => {
      const connection = await context.connect();
      const body = to === undefined ? {} : { to };
      const { text } = await context.retrying(() =>
        connection.ask((api) => api.POST('/leadership', { body })),
      );
      context.done(text);
    },
  });
  registry.add(program, {
    usage: 'bootstrap',
    description: 'form a new cluster although some members are missing',
    examples: { bootstrap: 'only once, when hosts are missing at the first start' },
    run: async (context) => {
      const connection = await context.connect();
      const { text } = await connection.ask((api) => api.POST('/bootstrap'));
      context.done(text);
    },
  });
}

/** Returns the id of the member that answers. */
async function askedMember(connection: Connection): Promise<string> {
  const { member } = await connection.ask((api) => api.GET('/overview'));
  return member;
}

async function showEffect(
  context: Context,
  connection: Connection,
  id: string,
  action: Action,
): Promise<number> {
  const effect = await connection.ask((api) =>
    api.GET('/members/{id}/change-effect', { params: { path: { id }, query: { action } } }),
  );
  context.output.show(effect, describeEffect);
  return effect.allowed ? 0 : 1;
}

function describeEffect({
  allowed,
  votersNow,
  votersAfter,
  majorityAfter,
  text,
}: Schemas['ChangeEffect']): string {
  const rows = [
    ['allowed', yesNo(allowed)],
    ['voters', `${votersNow} now, ${votersAfter} afterwards`],
    ['majority afterwards', `${majorityAfter} voters`],
  ];
  return `${text}\n${table(rows)}`;
}

type State = { done: string } | { progress: string };

async function votes(connection: Connection, id: string): Promise<State> {
  const { members } = await connection.ask((api) => api.GET('/members'));
  const member = members.find((each) => each.id === id);
  if (member === undefined) return { progress: `${id} is not a member yet` };
  if (member.role === null || member.role === 'learner' || member.role === 'none')
    return { progress: `${id} is a learner, ${member.lag ?? '?'} entries behind` };
  return { done: `${id} is a member and votes` };
}

async function drained(connection: Connection, id: string, exits: boolean): Promise<State> {
  const ended = { done: `${id} is drained, and its process has ended` };
  let members: Schemas['Member'][];
  try {
    ({ members } = await connection.ask((api) => api.GET('/members')));
  } catch (error) {
    if (!exits || !(error instanceof CommandError)) throw error;
    // The drained member is the asked one: it stops part by part, and then its process ends.
    return error.cause === undefined ? { progress: `draining: ${error.message}` } : ended;
  }
  const member = members.find((each) => each.id === id);
  if (member === undefined || !member.reachable) {
    if (exits) return ended;
    throw new CommandError(`${id} stopped during the drain`);
  }
  if (member.clients !== null && member.clients > 0)
    return { progress: `draining: ${count(member.clients, 'client')} connected` };
  // A member of an older version does not report the end of its drain.
  const { drained: hasEnded = member.role !== 'leader' } = member;
  if (!hasEnded) {
    const rest = member.role === 'leader' ? 'transferring leadership' : 'waiting for the moved clients';
    return { progress: `draining: no clients connected, ${rest}` };
  }
  return exits ? { progress: 'draining: the process will end' } : { done: `${id} is drained` };
}
