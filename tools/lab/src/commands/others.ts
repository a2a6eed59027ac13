import type { Arguments } from '../arguments.ts';
import { askLab } from '../cluster/control.ts';
import type { LabStatus } from '../cluster/control.ts';
import { endLeftovers, isOurs, readLabFile, removeData, removeLabFile } from '../cluster/lab-file.ts';
import { parseFault } from '../fault-forms.ts';
import { membersMax } from '../layout.ts';
import { renderMembers } from '../view/render.ts';

const downMsMax = 20_000;
const pollMs = 50;

/** `lab fault ACTION MEMBER...[=VALUE]`, or as in a plan: `lab fault cut:1,2/3`. */
export async function fault({ folder, rest }: Arguments): Promise<void> {
  const [action = '', ...members] = rest;
  const places = readLabFile(folder)?.members ?? [];
  const named = members.map((text) => places.find((place) => isAddressOf(place, text))?.id ?? text);
  const { groups, ...command } = parseFault(commandLine(action, named), membersMax);
  const names = groups.map((group) => group.map((number) => `m${number}`));
  await askLab(folder, 'POST', '/fault', { ...command, groups: names });
}

function isAddressOf({ mqtt }: { readonly mqtt: string }, text: string): boolean {
  return text.includes('.') && `${text}:`.startsWith(`${mqtt.slice(0, mqtt.lastIndexOf(':'))}:`);
}

/** `cut 1 2 / 3` as `cut:1+2/3`. */
function commandLine(action: string, members: readonly string[]): string {
  if (members.length === 0) return action;
  return `${action}:${members
    .join('+')
    .replaceAll(/\+*\/\+*/g, '/')
    .replaceAll(/\+?=\+?/g, '=')}`;
}

/** `lab status [--json]` */
export async function status({ folder, json }: Arguments): Promise<void> {
  const answer = (await askLab(folder, 'GET', '/status')) as LabStatus;
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else process.stdout.write(`${[...renderMembers(answer.members), ...answer.crashes].join('\n')}\n`);
}

/** `lab down`: ends everything, whatever state it is in. Without a lab there is nothing to do. */
export async function down({ folder, keep }: Arguments): Promise<void> {
  const file = readLabFile(folder);
  if (file !== null) {
    // A lab that does not answer is ended by force below.
    await askLab(folder, 'POST', '/down', { keep }).catch(() => undefined);
    const deadline = performance.now() + downMsMax;
    while (isOurs(file.pid) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    endLeftovers(readLabFile(folder) ?? file);
    removeLabFile(folder);
  }
  if (!keep) removeData(folder, false);
}
