import { attemptCommand } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstFailure, parseRecap } from './playbook.ts';

/** The longest run takes less than a minute on an idle machine. */
const playMsMax = 600_000;

/** Variables of a host that cannot be reached: nothing listens on this port of the control node. */
export const unreachable = { ansible_connection: 'ssh', ansible_host: '127.0.0.1', ansible_port: 1 } as const;

const brokers = ['one', 'two', 'three'];

/**
 * Writes the inventory of three brokers that are all this machine. Each has a loopback address of its own.
 *
 * @param lost names of the brokers that cannot be reached
 * @returns the path of the inventory
 */
export function inventoryWithLost(folder: string, lost: readonly string[]): string {
  const file = join(folder, 'brokers.json');
  const hosts = brokers.map((name) => [
    name,
    { ansible_host: addressOf(name), ...(lost.includes(name) && unreachable) },
  ]);
  const vars = {
    ansible_connection: 'local',
    ansible_python_interpreter: '{{ ansible_playbook_python }}',
  };
  const children = { brokers: { hosts: Object.fromEntries(hosts) }, clients: { hosts: {} } };
  writeFileSync(file, JSON.stringify({ all: { vars, children } }));
  return file;
}

/**
 * Calls a function with the port at which brokers answer each request: with the status 503 if the body has `healthy: false`.
 *
 * @param answers the bodies by broker; the other brokers do not answer
 */
export async function withHealth<Result>(
  answers: Readonly<Record<string, object>>,
  use: (port: number) => Promise<Result>,
): Promise<Result> {
  const servers: Server[] = [];
  try {
    let port = 0;
    for (const [broker, body] of Object.entries(answers)) {
      const status = 'healthy' in body && body.healthy === false ? 503 : 200;
      const server = createServer((_request, response) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      }).listen(port, addressOf(broker));
      servers.push(server);
      await once(server, 'listening');
      ({ port } = server.address() as AddressInfo);
    }
    return await use(port);
  } finally {
    for (const server of servers) server.close();
  }
}

function addressOf(broker: string): string {
  return `127.0.0.${brokers.indexOf(broker) + 1}`;
}

interface LocalPlay {
  /** Extra variables. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Environment variables, in addition to those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs ansible-playbook without the hosts of the test bed.
 *
 * @param directory working directory, such as the folder `ansible` of the repository
 * @param args arguments, with the inventory and the playbook
 * @throws CommandError when the playbook does not end within 10 min
 */
export function playLocally(
  directory: string,
  args: readonly string[],
  { variables = {}, environment = {} }: LocalPlay = {},
): Promise<ProgramResult> {
  return attemptCommand('ansible-playbook', [...args, '--extra-vars', JSON.stringify(variables)], {
    directory,
    timeoutMs: playMsMax,
    environment: { ANSIBLE_NOCOLOR: '1', ANSIBLE_FORCE_COLOR: '0', ...environment },
  });
}

/** Returns the output of ansible without the escapes of JSON: `\"` becomes a quote, `\n` a space. */
export function messagesIn(output: string): string {
  return output.replaceAll('\\n', ' ').replaceAll('\\"', '"');
}

/**
 * Checks that a playbook stopped with a message before it changed a host.
 *
 * @param sentence part of the expected message
 * @returns the fault, or null
 */
export function rejectionFault(
  { status, output }: Pick<ProgramResult, 'status' | 'output'>,
  sentence: string,
): string | null {
  if (status === 0) return 'the playbook was not rejected';
  if (!messagesIn(output).includes(sentence))
    return `expected the message "${sentence}", but the playbook reported: ${firstFailure(output)}`;
  const changed = parseRecap(output).filter((host) => host.changed > 0);
  return changed.length === 0
    ? null
    : `the playbook was rejected after it had changed ${changed.map(({ host }) => host).join(', ')}`;
}

/** Calls a function with an empty folder, which is deleted afterwards. @param subject part of the folder's name */
export async function inFolder<Result>(
  subject: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), `rehearsal-${subject}-`));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
