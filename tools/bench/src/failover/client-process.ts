import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseJson } from '@mqtt-cluster/contracts';
import type { Processes } from '../processes.ts';
import { answerSchema } from './protocol.ts';
import type { Answer, Command } from './protocol.ts';
import { clientsArgument } from './serve.ts';

/** Longer than opening may take. */
const answerMsMax = 30_000;

/** The bench's side of a process of measured clients. */
export class ClientProcess {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  #answered: ((answer: Answer) => void) | null = null;

  constructor(processes: Processes, name: string, command: string, args: readonly string[]) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: 'pipe' });
    processes.adopt(this.#child);
    this.#child.stderr.pipe(process.stderr);
    this.#child.stdin.on('error', () => undefined); // its exit is reported below
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

  /** Sends a command and returns the answer; one at a time. @throws Error from the process, or without an answer */
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
  readonly all: readonly ClientProcess[];
  /** Client libraries that can't be measured here, and why. */
  readonly missing: readonly string[];
  readonly pahoVersion: string | null;
}

export function startClientProcesses(processes: Processes): ClientProcesses {
  const script = process.argv[1]!;
  const all = [new ClientProcess(processes, 'the Node clients', process.execPath, [script, clientsArgument])];
  const paho = findPaho();
  if (typeof paho === 'string') return { all, missing: [`paho: ${paho}`], pahoVersion: null };
  // The Python program is in no bundle, so it is read from the sources.
  const program = join(dirname(script), '..', 'tools', 'bench', 'src', 'failover', 'paho-client.py');
  if (!existsSync(program)) return { all, missing: [`paho: ${program} is missing`], pahoVersion: null };
  all.push(new ClientProcess(processes, 'the Paho clients', paho.python, ['-u', program]));
  return { all, missing: [], pahoVersion: paho.version };
}

/** Returns a Python with Paho, or why there is none. Debian's Python may come after another one in the PATH. */
function findPaho(): { readonly python: string; readonly version: string } | string {
  const test = 'import paho.mqtt; print(paho.mqtt.__version__)';
  for (const python of ['python3', '/usr/bin/python3']) {
    const { status, stdout } = spawnSync(python, ['-c', test], { encoding: 'utf8' });
    if (status === 0) return { python, version: stdout.trim() };
  }
  return 'not installed (apt-get install python3-paho-mqtt)';
}

/** Decodes a line of the process. A line that is not an answer fails the command that waits. */
function answerOf(line: string): Answer {
  return parseJson(answerSchema, line) ?? { type: 'error', message: `this line is not an answer: ${line}` };
}
