import { holdsWithin } from '@mqtt-cluster/kit';
import type { Arguments } from '../arguments.ts';
import { askLab } from '../cluster/control.ts';
import type { LabStatus } from '../cluster/control.ts';
import {
  isLabProcess,
  killLabProcesses,
  readLabFile,
  removeData,
  removeLabFile,
} from '../cluster/lab-file.ts';
import { parseFault } from '../fault-forms.ts';
import { membersMax } from '../layout.ts';
import { renderMembers } from '../view/render.ts';

const downMsMax = 20_000;
const pollMs = 50;

/** Injects a fault: `lab fault ACTION MEMBER...[=VALUE]`, or `lab fault cut:1,2/3` in the form of a fault plan. */
export async function fault({ folder, rest }: Arguments): Promise<void> {
  const [action = '', ...words] = rest;
  const members = readLabFile(folder)?.members ?? [];
  const named = words.map((text) => members.find((member) => hasHost(member, text))?.id ?? text);
  const { groups, ...command } = parseFault(planForm(action, named), membersMax);
  const names = groups.map((group) => group.map((number) => `m${number}`));
  await askLab(folder, 'POST', '/fault', { ...command, groups: names });
}

/** Returns whether a word of the command line is the address of the member, with or without the port. */
function hasHost({ mqtt }: { readonly mqtt: string }, text: string): boolean {
  return text.includes('.') && `${text}:`.startsWith(`${mqtt.slice(0, mqtt.lastIndexOf(':'))}:`);
}

/** Converts the words of a fault into the form of a fault plan: `cut 1 2 / 3` into `cut:1+2/3`. */
function planForm(action: string, members: readonly string[]): string {
  if (members.length === 0) return action;
  return `${action}:${members
    .join('+')
    .replaceAll(/\+*\/\+*/g, '/')
    .replaceAll(/\+?=\+?/g, '=')}`;
}

/** Prints the state of the members: `lab status [--json]`. */
export async function status({ folder, json }: Arguments): Promise<void> {
  const answer = (await askLab(folder, 'GET', '/status')) as LabStatus;
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else process.stdout.write(`${[...renderMembers(answer.members), ...answer.crashes].join('\n')}\n`);
}

/**
 * `lab down`: ends all processes of the lab, even if the lab does not respond, and deletes the data unless `--keep` is
 * given.
 */
export async function down({ folder, keep }: Arguments): Promise<void> {
  const file = readLabFile(folder);
  if (file !== null) {
    // If the lab does not respond, `killLabProcesses` kills its processes.
    await askLab(folder, 'POST', '/down', { keep }).catch(() => undefined);
    await holdsWithin(() => !isLabProcess(file.pid), { timeoutMs: downMsMax, intervalMs: pollMs });
    killLabProcesses(readLabFile(folder) ?? file);
    removeLabFile(folder);
  }
  if (!keep) removeData(folder, false);
}
