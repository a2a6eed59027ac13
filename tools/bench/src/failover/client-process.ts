import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseJson } from '@mqtt-cluster/contracts';
import type { Processes } from '../processes.ts';
import { localHost } from './client-host.ts';
import type { ClientHost } from './client-host.ts';
import { mosquittoClients, mosquittoClientsMissing, mosquittoName } from './mosquitto-clients.ts';
import { oneAddressName } from './one-address-client.ts';
import { answerSchema } from './protocol.ts';
import type { Answer, Command } from './protocol.ts';
import { proxyMissing } from './proxy.ts';
import { clientsArgument } from './serve.ts';

/** Longest time until the process answers a command. It is longer than the time that clients may take to connect. */
const answerMsMax = 60_000;

/** A child process with measured clients, to which the bench sends commands. */
class ClientProcess implements ClientHost {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  #answered: ((answer: Answer) => void) | null = null;

  constructor(processes: Processes, name: string, command: string, args: readonly string[]) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: 'pipe' });
    processes.adopt(this.#child);
    this.#child.stderr.pipe(process.stderr);
    this.#child.stdin.on('error', () => undefined); // the exit handler below reports the end of the process
    const answer = (value: Answer): void => {
      this.#answered?.(value);
      this.#answered = null;
    };
    createInterface({ input: this.#child.stdout }).on('line', (line) => answer(answerOf(line)));
    this.#child.once('exit', (code) =>
      answer({ type: 'error', message: `${name} ended with status ${code}` }),
    );
    this.#child.once('error', (error) => answer({ type: 'error', message: error.message }));
  }

  /** Sends one command and returns its answer. @throws Error when the process reports an error or does not answer in time */
  ask(command: Command): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const tooLong = setTimeout(() => {
        this.#answered = null;
        reject(new Error(`${this.name} does not answer "${command.type}"`));
      }, answerMsMax);
      this.#answered = (answer) => {
        clearTimeout(tooLong);
        if (answer.type === 'error') reject(new Error(answer.message));
        else resolve(answer);
      };
      this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

export interface ClientProcesses {
  readonly all: readonly ClientHost[];
  /** One line for each client library that can't be measured on this machine, with the reason. */
  readonly missing: readonly string[];
  readonly pahoVersion: string | null;
}

export function startClientProcesses(processes: Processes): ClientProcesses {
  const script = process.argv[1]!;
  const all: ClientHost[] = [
    new ClientProcess(processes, 'the Node clients', process.execPath, [script, clientsArgument]),
  ];
  const missing: string[] = [];
  const noProxy = proxyMissing();
  if (noProxy !== null) missing.push(`${oneAddressName}: ${noProxy}`);
  const noMosquitto = noProxy ?? mosquittoClientsMissing();
  if (noMosquitto === null) all.push(localHost([mosquittoClients(processes)]));
  else missing.push(`${mosquittoName}: ${noMosquitto}`);
  const paho = findPaho();
  // The bundles do not contain the Python program, so it is read from the source folder.
  const program = join(dirname(script), '..', 'tools', 'bench', 'src', 'failover', 'paho-client.py');
  const noPaho = typeof paho === 'string' ? paho : existsSync(program) ? null : `${program} is missing`;
  if (noPaho !== null || typeof paho === 'string')
    return { all, missing: [...missing, `paho: ${noPaho}`], pahoVersion: null };
  all.push(new ClientProcess(processes, 'the Paho clients', paho.python, ['-u', program]));
  return { all, missing, pahoVersion: paho.version };
}

/** Returns a Python interpreter with Paho, or why no interpreter has it. Another Python may precede Debian's in the PATH. */
function findPaho(): { readonly python: string; readonly version: string } | string {
  const test = 'import paho.mqtt; print(paho.mqtt.__version__)';
  for (const python of ['python3', '/usr/bin/python3']) {
    const { status, stdout } = spawnSync(python, ['-c', test], { encoding: 'utf8' });
    if (status === 0) return { python, version: stdout.trim() };
  }
  return 'not installed (apt-get install python3-paho-mqtt)';
}

/** Decodes a line of the process. A line that is not an answer becomes an error of the current command. */
function answerOf(line: string): Answer {
  return parseJson(answerSchema, line) ?? { type: 'error', message: `this line is not an answer: ${line}` };
}
