import { UsageError } from './errors.ts';

/** What a fault is told besides its members, and how its number is written. */
interface ValueForm {
  readonly example: string;
  /** Without one the fault needs a value. */
  readonly otherwise?: number;
  /** Null: not one. */
  readonly read: (text: string) => number | null;
}

interface FaultForm {
  /** `groups`: parted by `/`. */
  readonly members: 'none' | 'optional' | 'some' | 'groups';
  readonly value?: ValueForm;
}

const bitsPerByte = 8;
const slowDiskMsMax = 60_000;
const lossShareDefault = 0.01;

function durationMs(text: string): number | null {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (number === undefined) return null;
  return Number(number) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 1_000);
}

function stepMs(text: string): number | null {
  const size = durationMs(text.replace(/^[+-]/, ''));
  if (size === null) return null;
  return text.startsWith('-') ? -size : size;
}

function syncDelayMs(text: string): number | null {
  const value = durationMs(text);
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

/** All faults there are. Times are kept as milliseconds, rates as bytes a second, shares as 0 to 1. */
export const faultForms = {
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
  clock: { members: 'some', value: { example: '+5s', read: stepMs } },
  heal: { members: 'none' },
} as const satisfies Readonly<Record<string, FaultForm>>;

export type FaultAction = keyof typeof faultForms;

export const faultActions = Object.keys(faultForms) as readonly FaultAction[];

export function isFaultAction(text: string): text is FaultAction {
  return Object.hasOwn(faultForms, text);
}

/** What is to be done, whenever. */
export interface FaultCommand {
  readonly action: FaultAction;
  /** Member numbers. More than one group only for `cut` and `one-way`; none for `heal`. */
  readonly groups: readonly (readonly number[])[];
  /** ms (`slow-disk`, `clock`), bytes a second (`throttle`) or a share (`loss`). */
  readonly value?: number;
}

/** `250ms`, `30s`, `2m`; a bare number counts seconds. @returns milliseconds. @throws UsageError */
export function parseDuration(text: string): number {
  const value = durationMs(text);
  if (value === null) throw new UsageError(`"${text}" is no duration (examples: 500ms, 30s, 2m)`);
  return value;
}

/**
 * `action`, `action:members`, `action:members=value`. Members are 1 to 7, m1 to m7 or `all`, joined by `+` or commas, and
 * groups of them parted by `/`. @throws UsageError in one line what is wrong
 */
export function parseFault(text: string, members: number): FaultCommand {
  const [, action = '', targets, valueText] = /^([a-z-]+)(?::([^=]+))?(?:=(.*))?$/.exec(text) ?? [];
  if (action === '') throw new UsageError(`"${text}" is no fault (example: kill:3)`);
  if (!isFaultAction(action)) {
    throw new UsageError(`"${action}" in "${text}" is no fault; there are ${faultActions.join(' ')}`);
  }
  const form: FaultForm = faultForms[action];
  if (targets !== undefined && form.members === 'none') {
    throw new UsageError(`"${text}": ${action} mends everything and takes no member`);
  }
  if (targets === undefined && form.members !== 'none' && form.members !== 'optional') {
    throw new UsageError(`"${text}" names no member (example: ${example(action)})`);
  }
  const groups = (targets?.split('/') ?? []).map((group) => parseGroup(group, members, text));
  if (groups.length > 1 && form.members !== 'groups') {
    throw new UsageError(`"${text}": only cut and one-way take several groups`);
  }
  if (action === 'one-way' && groups.length > 2) {
    throw new UsageError(
      `"${text}": one-way takes the members that are not heard, and after / those that don't hear`,
    );
  }
  const all = groups.flat();
  if (new Set(all).size !== all.length) throw new UsageError(`"${text}" names a member twice`);
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
  if (value === null) throw new UsageError(`"${text}": ${action} needs a value as in ${example(action)}`);
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
      throw new UsageError(`"${fault}": "${target}" is no member of 1 to ${members}`);
    }
    return number;
  });
}
