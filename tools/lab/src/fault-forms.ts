import { parseDuration, UsageError } from '@mqtt-cluster/kit';

/** The written form of a fault's value, such as `200ms` in `slow-disk:3=200ms`. */
interface ValueForm {
  readonly example: string;
  /** The default value. Undefined: the user must give a value. */
  readonly otherwise?: number;
  /** Parses a value. Returns null when the text is not a valid value. */
  readonly read: (text: string) => number | null;
}

interface FaultForm {
  /** The members that a fault accepts. `groups` means several groups of members, separated by `/`. */
  readonly members: 'none' | 'optional' | 'some' | 'groups';
  readonly value?: ValueForm;
}

const bitsPerByte = 8;
const slowDiskMsMax = 60_000;
const lossShareDefault = 0.01;

function clockOffsetMs(text: string): number | null {
  const size = parseDuration(text.replace(/^[+-]/, ''));
  if (size === null) return null;
  return text.startsWith('-') ? -size : size;
}

function syncDelayMs(text: string): number | null {
  const value = parseDuration(text);
  return value !== null && value <= slowDiskMsMax ? value : null;
}

function bytesPerSecond(text: string): number | null {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([km]?)bit$/.exec(text) ?? [];
  const value = (Number(number) * ({ k: 1e3, m: 1e6 }[unit] ?? 1)) / bitsPerByte;
  return value > 0 ? value : null;
}

function share(text: string): number | null {
  const [, number] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const value = Number(number) / 100;
  return value >= 0 && value < 1 ? value : null;
}

const some: FaultForm = { members: 'some' };

/** The forms of all faults. Parsed times are in milliseconds, rates in bytes a second, shares from 0 to 1. */
const faultForms = {
  kill: some,
  stop: some,
  start: some,
  pause: some,
  resume: some,
  wipe: some,
  rolling: { members: 'optional' },
  cut: { members: 'groups' },
  'one-way': { members: 'groups' },
  flap: some,
  slow: some,
  loss: { members: 'some', value: { example: '1%', otherwise: lossShareDefault, read: share } },
  throttle: { members: 'some', value: { example: '1mbit', read: bytesPerSecond } },
  'full-disk': some,
  'slow-disk': { members: 'some', value: { example: '200ms', read: syncDelayMs } },
  clock: { members: 'some', value: { example: '+5s', read: clockOffsetMs } },
  heal: { members: 'none' },
} as const satisfies Readonly<Record<string, FaultForm>>;

export type FaultAction = keyof typeof faultForms;

export function isFaultAction(text: string): text is FaultAction {
  return Object.hasOwn(faultForms, text);
}

/** Returns the names of all faults, what each applies to, and the value that it takes. */
export function faultList(): {
  readonly action: FaultAction;
  readonly members: FaultForm['members'];
  readonly value: { readonly example: string; readonly required: boolean } | null;
}[] {
  const forms: [string, FaultForm][] = Object.entries(faultForms);
  return forms.map(([action, { members, value }]) => ({
    action: action as FaultAction,
    members,
    value: value === undefined ? null : { example: value.example, required: value.otherwise === undefined },
  }));
}

/** A fault, its target members and its value, but not the time of the fault. */
export interface FaultCommand {
  readonly action: FaultAction;
  /** Member numbers. Only `cut` and `one-way` have more than one group; `heal` has no group. */
  readonly groups: readonly (readonly number[])[];
  /** Milliseconds (`slow-disk`, `clock`), bytes a second (`throttle`) or a share from 0 to 1 (`loss`). */
  readonly value?: number;
}

/**
 * Parses a fault: `action`, `action:members` or `action:members=value`. Members are 1 to 7, m1 to m7 or `all`, joined by `+` or
 * commas; groups of members are separated by `/`.
 *
 * @param members number of members of the cluster
 * @throws UsageError
 */
export function parseFault(text: string, members: number): FaultCommand {
  const [, action = '', targets, valueText] = /^([a-z-]+)(?::([^=]+))?(?:=(.*))?$/.exec(text) ?? [];
  if (action === '') throw new UsageError(`invalid fault "${text}" (example: kill:3)`);
  if (!isFaultAction(action)) {
    throw new UsageError(
      `unknown fault "${action}" in "${text}" (faults: ${Object.keys(faultForms).join(', ')})`,
    );
  }
  const form: FaultForm = faultForms[action];
  if (targets !== undefined && form.members === 'none') {
    throw new UsageError(`"${text}": ${action} applies to all members and takes no member`);
  }
  if (targets === undefined && form.members !== 'none' && form.members !== 'optional') {
    throw new UsageError(`"${text}" needs a member (example: ${example(action)})`);
  }
  const groups = (targets?.split('/') ?? []).map((group) => parseGroup(group, members, text));
  if (groups.length > 1 && form.members !== 'groups') {
    throw new UsageError(`"${text}": only cut and one-way take several groups of members`);
  }
  if (action === 'one-way' && groups.length > 2) {
    throw new UsageError(`"${text}": one-way takes the sending members, and after / the receiving ones`);
  }
  const all = groups.flat();
  if (new Set(all).size !== all.length) throw new UsageError(`"${text}" contains a member twice`);
  return { action, groups, ...readValue(action, form.value, valueText, text) };
}

function readValue(
  action: FaultAction,
  form: ValueForm | undefined,
  valueText: string | undefined,
  text: string,
): { value?: number } {
  if (form === undefined) {
    if (valueText !== undefined) throw new UsageError(`"${text}": ${action} takes no value`);
    return {};
  }
  const value = valueText === undefined ? (form.otherwise ?? null) : form.read(valueText);
  if (value === null)
    throw new UsageError(`"${text}": ${action} needs a value (example: ${example(action)})`);
  return { value };
}

function example(action: FaultAction): string {
  const { value }: FaultForm = faultForms[action];
  return `${action}:3${value === undefined ? '' : `=${value.example}`}`;
}

function parseGroup(text: string, members: number, fault: string): number[] {
  if (text === 'all') return Array.from({ length: members }, (_, index) => index + 1);
  return text.split(/[+,]/).map((target) => {
    const match = /^m?(\d)$/.exec(target);
    const number = Number(match?.[1]);
    if (match === null || number < 1 || number > members) {
      throw new UsageError(`"${fault}": "${target}" is not a member from 1 to ${members}`);
    }
    return number;
  });
}
