import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, playLocally, withHealth } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

const port = 2222;

/**
 * Runs chaos.yml with the fault "cut" on a host with another port of ssh. A program in place of nft records its rules.
 *
 * @returns the fault if the connection of the playbook would be cut, or null
 */
export function chaosFault(ansible: string): Promise<string | null> {
  return withHealth({ one: { majority: true } }, (httpPort) =>
    inFolder('chaos', async (folder) => {
      const rules = join(folder, 'rules');
      writeProgram(folder, 'nft', `if [ "$1" = -f ]; then cat >'${rules}'; fi`);
      for (const name of ['systemd-run', 'systemctl']) writeProgram(folder, name, ':');
      const { status, output } = await playLocally(
        ansible,
        ['-i', 'tests/inventories/here.yml', 'playbooks/chaos.yml'],
        {
          variables: {
            host: 'one',
            fault: 'cut',
            seconds: '1',
            chaos_interface: 'lo',
            ansible_port: String(port),
            broker_publisher_http_port: String(httpPort),
            broker_publisher_witness_address: '127.0.0.1',
            broker_publisher_gate_retries: '1',
          },
          environment: { PATH: `${folder}:${process.env.PATH}` },
        },
      );
      if (status !== 0) return firstFailure(output);
      const text = readFileSync(rules, 'utf8');
      const wanted = [`in tcp dport ${port} accept`, `out tcp sport ${port} accept`];
      const absent = wanted.find((rule) => !text.includes(rule));
      return absent === undefined ? null : `the fault "cut" has no rule "${absent}"`;
    }),
  );
}
