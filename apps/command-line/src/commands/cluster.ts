import type { Schemas } from '@mqtt-cluster/api/client';
import type { Command } from 'commander';
import type { Connection } from '../connection/connection.ts';
import type { Context } from '../program/context.ts';
import { CommandError, UsageError } from '../program/errors.ts';
import { text } from '../program/options.ts';
import { tableOf } from '../program/output.ts';
import type { Columns } from '../program/output.ts';
import type { Registry } from '../program/registry.ts';
import { printable } from '../text/printable.ts';
import { table } from '../text/table.ts';
import { orDash } from '../text/values.ts';
import { describeOwnStatus, ownStatus } from './own-status.ts';

type Member = Schemas['Member'];
type Health = Schemas['Health'];

/** Columns of a member. */
export const memberColumns: Columns<Member> = {
  MEMBER: ({ id }) => id,
  ROLE: ({ role }) => orDash(role),
  STATE: ({ state }) => orDash(state),
  LAG: ({ lag }) => orDash(lag),
  CLIENTS: ({ clients }) => orDash(clients),
  SESSIONS: ({ sessions }) => orDash(sessions),
  VERSION: ({ version }) => orDash(version),
  '': ({ unreachableReason, reason }) => unreachableReason ?? reason,
};

/** Declares the commands for the cluster as a whole. */
export function addClusterCommands(program: Command, registry: Registry): void {
  registry.add(program, {
    usage: 'status',
    description:
      registry.host === null
        ? 'print the members, and what is wrong in words; exit status 1 if a problem is critical'
        : 'print the status of this member, the members, and what is wrong in words',
    examples: {
      status: 'the cluster as the asked member sees it',
      'status --server http://10.0.0.51:9100 --server http://10.0.0.52:9100':
        'from the member that answers first',
    },
    run: async (context) => {
      const connection = await context.connect();
      if (registry.host !== null) return showOwnStatus(context, connection);
      const overview = await connection.ask((api) => api.GET('/overview'));
      context.output.show(overview, describeOverview);
      context.noteGaps(overview);
      return overview.problems.some(({ severity }) => severity === 'critical') ? 1 : 0;
    },
  });
  registry.add<{ stop?: string }>(program, {
    usage: 'health',
    description: 'print the health of the cluster; exit status 0 if all members are healthy',
    examples: {
      health: 'exit status 0 or 1 for scripts',
      'health --stop 10.0.0.51': 'whether this member can be stopped now',
    },
    options: (command) =>
      command.option('--stop <ID>', 'exit status 0 if member ID can be stopped now', text),
    run: async (context, _operands, { stop }) => {
      const connection = await context.connect();
      const query = stop === undefined ? {} : { stop };
      const health = await connection.askAlso503<Health>(
        (api) => api.GET('/health', { params: { query } }),
        (body): body is Health => typeof (body as Partial<Health>).healthy === 'boolean',
      );
      context.output.show(health, describeHealth);
      return (health.stop?.safe ?? health.healthy) ? 0 : 1;
    },
  });
  registry.add(program, {
    usage: 'settings [NAME=VALUE...]',
    description: 'print the settings of the cluster, or change them',
    examples: {
      settings: 'all settings',
      'settings queuedMessagesMax=2000': 'change one on all members',
    },
    run: async (context, operands) => {
      const body = parseSettings(operands);
      const connection = await context.connect();
      const settings = await context.retrying(() =>
        connection.ask((api) =>
          operands.length === 0 ? api.GET('/settings') : api.PATCH('/settings', { body }),
        ),
      );
      context.output.show(settings, (all) =>
        table(Object.entries(all).map(([name, value]) => [name, String(value)])),
      );
    },
  });
}

/**
 * Prints the status page of the asked member, and the cluster. With `--json` the fields of the page keep their places,
 * because scripts read them. The page needs no credentials, and the cluster does.
 */
async function showOwnStatus(context: Context, connection: Connection): Promise<void> {
  const status = await ownStatus(connection);
  let overview: Schemas['Overview'] | null = null;
  try {
    overview = await connection.ask((api) => api.GET('/overview'));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    context.output.note(`The status of the cluster is missing: ${error.message}`);
  }
  context.output.show({ ...status, overview }, () =>
    [describeOwnStatus(status), ...(overview === null ? [] : [describeOverview(overview)])].join('\n'),
  );
  if (overview !== null) context.noteGaps(overview);
}

/** Parses `NAME=VALUE` operands. A value of digits becomes a number. */
function parseSettings(operands: readonly string[]): Schemas['SettingsChange'] {
  const pairs = operands.map((operand): [string, string | number] => {
    const [, name, value] = /^([A-Za-z]+)=(.+)$/.exec(operand) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`settings: "${operand}" must have the form NAME=VALUE`);
    return [name, /^\d+$/.test(value) ? Number(value) : value];
  });
  // The API checks names and values.
  return Object.fromEntries(pairs) as Schemas['SettingsChange'];
}

function describeOverview({ cluster, member, problems, members }: Schemas['Overview']): string {
  const lines = problems.map(
    ({ severity, text, runbook }) => `${severity}: ${text}${runbook === undefined ? '' : ` (${runbook})`}`,
  );
  const state = problems.length === 0 ? 'no problems' : lines.map(printable).join('\n');
  return `cluster ${printable(cluster)}, as ${printable(member)} sees it\n${state}\n\n${tableOf(memberColumns, members)}`;
}

function describeHealth({ stop, healthy, reason, leader, term, voters, majority }: Health): string {
  const lines = [
    healthy ? 'healthy' : `NOT healthy: ${reason}`,
    `leader ${leader ?? 'unknown'}, term ${term}, ${voters} voters, ` +
      `${majority ? 'with' : 'WITHOUT'} a majority`,
  ];
  if (stop !== undefined)
    lines.push(`${stop.member} ${stop.safe ? 'can be stopped' : 'must NOT be stopped'}: ${stop.reason}`);
  return `${lines.map(printable).join('\n')}\n`;
}
