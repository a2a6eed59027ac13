import type { Arguments } from '../arguments.ts';
import { askLab } from '../cluster/control.ts';
import type { LabStatus } from '../cluster/control.ts';
import { endLeftovers, isOurs, readLabFile, removeData, removeLabFile } from '../cluster/lab-file.ts';
import { UsageError } from '../errors.ts';
import { faultActions, isFaultAction } from '../fault-plan.ts';
import { renderMembers } from '../view/render.ts';

const downMsMax = 20_000;
const pollMs = 50;

/** `lab fault ACTION MEMBER...` */
export async function fault({ folder, rest }: Arguments): Promise<void> {
  const [action = '', ...members] = rest;
  if (!isFaultAction(action)) {
    throw new UsageError(`lab fault needs one of ${faultActions.join(' ')}, not "${action}"`);
  }
  if (members.length === 0 && action !== 'heal') throw new UsageError(`lab fault ${action} names no member`);
  await askLab(folder, 'POST', '/fault', { action, groups: action === 'heal' ? [] : [members] });
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
