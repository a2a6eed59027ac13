import { attemptCommand } from '@mqtt-cluster/kit';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, playLocally } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

const webhook = 'webhook_configs: [{ url: https://example.org }]';

interface Case {
  readonly what: string;
  readonly change: (configuration: string) => string;
  /** Text of the output; a text that begins with "not " must be absent. */
  readonly expected: string;
}

/** Gives each of these receivers a webhook. */
const configured =
  (...names: readonly string[]) =>
  (text: string): string =>
    names.reduce(
      (done, name) => done.replace(`  - name: ${name}\n`, `  - { name: ${name}, ${webhook} }\n`),
      text,
    );

const cases: readonly Case[] = [
  {
    what: 'the product',
    change: (text) => text,
    expected: 'WARNING: nobody is notified of alerts for now, day, dead-man',
  },
  {
    what: "an inventory without a dead man's switch",
    change: configured('now', 'day'),
    expected: 'WARNING: nobody is notified of alerts for dead-man:',
  },
  {
    what: 'a complete inventory',
    change: configured('now', 'day', 'dead-man'),
    expected: 'not WARNING',
  },
  { what: 'a wrong file', change: () => 'route: {}\n', expected: 'has no receivers' },
];

/**
 * Checks what preflight reports about receivers of Alertmanager, and that a wrong configuration does not replace the one on the
 * host. @returns the first wrong report, or null
 */
export function receiversFault(root: string): Promise<string | null> {
  const product = readFileSync(join(root, 'monitoring', 'alertmanager', 'alertmanager.yml'), 'utf8');
  return inFolder('receivers', async (folder) => {
    for (const { what, change, expected } of cases) {
      const file = join(folder, 'alertmanager.yml');
      writeFileSync(file, change(product));
      const { output } = await playLocally(join(root, 'ansible'), ['tests/receivers.yml'], {
        variables: { prometheus_alertmanager_configuration: file },
      });
      const unwanted = expected.startsWith('not ');
      if (output.includes(unwanted ? expected.slice(4) : expected) === unwanted)
        return `the configuration of ${what}: expected "${expected}": ${firstFailure(output)}`;
    }
    return replacementFault(root, folder, product);
  });
}

/** Runs the command that checks the configuration on the host. */
async function replacementFault(root: string, folder: string, product: string): Promise<string | null> {
  const tasks = readFileSync(join(root, 'ansible/roles/prometheus/tasks/configure.yml'), 'utf8');
  const [, command] =
    /dest: \/etc\/prometheus\/alertmanager\.yml\n(?: .*\n)*? *validate: (.*)\n/.exec(tasks) ?? [];
  if (command === undefined) return 'nothing checks the configuration before it replaces the former one';
  const file = join(folder, 'alertmanager.yml');
  const accepts = async (text: string): Promise<boolean> => {
    writeFileSync(file, text);
    return (await attemptCommand('sh', ['-c', command.replace('%s', file)])).status === 0;
  };
  if (!(await accepts(product))) return `"${command}" rejects the configuration of the product`;
  const wrong = product.replace('receiver: now', 'receiver: nobody');
  return wrong !== product && !(await accepts(wrong))
    ? null
    : `"${command}" accepts a route to a receiver that does not exist`;
}
