import type { LabFault } from '../../lab/shapes.ts';

/** The faults for which a sentence exists, in the order of the buttons. */
const explanations: Readonly<Record<string, string>> = {
  kill: 'ends the process at once (kill -9), as a crash does',
  stop: 'drains the member and ends its process',
  start: 'starts the process again',
  pause: 'freezes the process: the member is silent, but its connections stay open',
  resume: 'lets a frozen process go on',
  wipe: 'kills the member and deletes its disk; the peers fill the new one',
  rolling: 'restarts one member after the other, as an update does',
  cut: 'cuts the links between the chosen members and all others',
  'one-way': 'cuts one direction of the links',
  flap: 'cuts and heals the links again and again',
  slow: 'delays the packets of the links',
  loss: 'loses a share of the packets of the links',
  throttle: 'limits the rate of the links',
  'full-disk': 'makes each write fail as on a full disk',
  'slow-disk': 'delays each sync of the disk',
  clock: 'moves the wall clock of the member',
  heal: 'ends all faults of links, disks and clocks',
};

export function explain(action: string): string {
  return explanations[action] ?? '';
}

/** Returns the text of a fault as `lab fault` accepts it, such as `kill:3` or `slow-disk:3+4=200ms`. */
export function faultText(
  { action, members, value }: LabFault,
  chosen: readonly string[],
  text: string,
): string {
  const numbers = chosen.map((id) => id.replace(/^m/, ''));
  const targets = members === 'none' || numbers.length === 0 ? '' : `:${numbers.join('+')}`;
  return `${action}${targets}${value === null || text === '' ? '' : `=${text}`}`;
}

/** Returns why a fault cannot be injected, or null if it can. */
export function faultProblem(
  { members, value }: LabFault,
  chosen: readonly string[],
  text: string,
): string | null {
  if (members !== 'none' && members !== 'optional' && chosen.length === 0) return 'Choose a member first.';
  if (value?.required && text === '') return `It needs a value, such as ${value.example}.`;
  return null;
}
