import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import { z } from 'zod';
import { RehearsalError } from './errors.ts';
import { bedNamespaceOf } from './bed/layout.ts';
import type { TestBedLayout } from './bed/layout.ts';

const playMsMax = 45 * 60_000;

/** Extra variables of a run of a playbook. */
export type Variables = Readonly<
  Record<string, string | readonly (string | Readonly<Record<string, string | readonly string[]>>)[]>
>;

/** Counts of one host in ansible's recap, the table at the end of a playbook's output. */
export interface HostRecap {
  readonly host: string;
  readonly changed: number;
  readonly unreachable: number;
  readonly failed: number;
}

export interface PlaybookOptions {
  /** Path of the folder `ansible` in the repository. */
  readonly directory: string;
  readonly layout: TestBedLayout;
  readonly inventory: string;
  readonly logFile: string;
  /** Folder of the certificate authority on the control node. */
  readonly authorityDirectory: string;
  /** Variables of every run, such as the folder of the images. */
  readonly variables: Variables;
}

/** Runs the repository's playbooks over ssh in the network of the hosts. */
export class Playbooks {
  readonly #options: PlaybookOptions;

  constructor(options: PlaybookOptions) {
    this.#options = options;
  }

  /**
   * Runs a playbook. @returns the counts of each host in ansible's recap
   * @throws RehearsalError with ansible's message when a host failed or was unreachable
   */
  async run(name: string, variables: Variables = {}): Promise<HostRecap[]> {
    const { status, output } = await this.attempt(name, variables);
    const recap = parseRecap(output);
    const failed = recap.filter((host) => host.failed > 0 || host.unreachable > 0);
    if (status === 0 && failed.length === 0) return recap;
    const { logFile } = this.#options;
    throw new RehearsalError(`playbook ${name}: ${firstFailure(output)} (full output: ${logFile})`);
  }

  /**
   * Runs a playbook. Does not throw when the exit status of ansible is not 0.
   * @param flags more arguments of ansible-playbook, such as `--check`
   */
  attempt(
    name: string,
    variables: Variables = {},
    flags: readonly string[] = [],
  ): Promise<{ status: number; output: string }> {
    const { directory, layout, inventory, logFile } = this.#options;
    // Persistent ssh connections of an earlier run may lead to hosts that were powered off later.
    const connections = join(layout.directory, 'ssh');
    rmSync(connections, { recursive: true, force: true });
    mkdirSync(connections, { recursive: true, mode: 0o700 });
    const all = {
      cluster_certificates_authority_directory: this.authorityDirectory,
      ...this.#options.variables,
      ...variables,
    };
    const extra = ['--extra-vars', JSON.stringify(all)];
    const args = ['-i', inventory, join('playbooks', `${name}.yml`), ...extra, ...flags];
    return attemptCommand('ip', ['netns', 'exec', bedNamespaceOf(layout), 'ansible-playbook', ...args], {
      directory,
      logFile,
      timeoutMs: playMsMax,
      environment: {
        REHEARSAL_DIRECTORY: layout.directory,
        ANSIBLE_SSH_CONTROL_PATH_DIR: connections,
        ANSIBLE_NOCOLOR: '1',
        ANSIBLE_FORCE_COLOR: '0',
      },
    });
  }

  /** Returns the same playbooks with another inventory. @param authorityDirectory folder of its authority */
  with(inventory: string, authorityDirectory = this.authorityDirectory): Playbooks {
    return new Playbooks({ ...this.#options, inventory, authorityDirectory });
  }

  /** Folder of the certificate authority on the control node. */
  get authorityDirectory(): string {
    return this.#options.authorityDirectory;
  }

  /** Reads the variables that the inventory gives to a host, with the secrets. */
  async variablesOf(address: string): Promise<Record<string, unknown>> {
    const { directory, inventory, layout } = this.#options;
    const text = await runCommand('ansible-inventory', ['-i', inventory, '--host', address], {
      directory,
      environment: { REHEARSAL_DIRECTORY: layout.directory },
    });
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  }
}

/** Parses the lines after `PLAY RECAP` in ansible's output. Returns no hosts for an output without a recap. */
export function parseRecap(output: string): HostRecap[] {
  const [, recap = ''] = output.split(/^PLAY RECAP .*$/m);
  return recap.split('\n').flatMap((line) => {
    const [, host, counts] = /^(\S+)\s+:\s+(ok=.*)$/.exec(line) ?? [];
    if (host === undefined || counts === undefined) return [];
    const count = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(counts)?.[1] ?? 0);
    return [{ host, changed: count('changed'), unreachable: count('unreachable'), failed: count('failed') }];
  });
}

/** Returns ansible's message about the first host that failed, in one line. */
export function firstFailure(output: string): string {
  const line = output.split('\n').find((text) => /^(fatal|failed): /.test(text));
  if (line === undefined) return output.trim().split('\n').at(-1) ?? 'ansible printed nothing';
  const [, host] = /^(?:fatal|failed): \[([^\]]+)\]/.exec(line) ?? [];
  const [, message] = /"msg": "((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
  return `${host ?? 'a host'}: ${message?.replaceAll('\\n', ' ').trim() ?? line}`;
}
