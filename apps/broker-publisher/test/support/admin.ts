import { runProgram } from '@mqtt-cluster/command-line';
import { adminName, memberHost } from '../../src/admin/command-line.ts';
import type { TestCluster } from './test-cluster.ts';

interface AdminResult {
  readonly status: number;
  /** Text of standard output. */
  readonly output: string;
  /** Text of standard error. */
  readonly errors: string;
}

/** Runs `broker-publisher admin` in this process. */
export async function runAdmin(configDirectory: string, argv: readonly string[]): Promise<AdminResult> {
  let output = '';
  let errors = '';
  const status = await runProgram({
    argv,
    name: adminName,
    version: 'test',
    environment: {},
    host: memberHost(configDirectory),
    streams: {
      out: (text) => void (output += Buffer.from(text).toString()),
      err: (text) => void (errors += text),
      interactive: false,
    },
  });
  return { status, output, errors };
}

/** Runs an admin command against one member. */
export function adminAt(cluster: TestCluster, id: string, ...argv: readonly string[]): Promise<AdminResult> {
  return runAdmin(cluster.directory, [...argv, '--url', cluster.httpUrl(id)]);
}
