import type { PanelSpec } from '../model.ts';

/** Returns a query for the state of each member as a number: 1 serving, 2 isolated, 3 draining, 4 joining. */
export function memberStates(of: (metric: string, more: string) => string): string {
  const parts = [
    ['serving', 1],
    ['isolated', 2],
    ['draining', 3],
    ['joining', 4],
  ] as const;
  const terms = parts.map(([state, number]) => `${of('member_state', `state="${state}"`)} * ${number}`);
  return `sum by (site, member) (${terms.join(' or ')})`;
}

export const memberStateTexts: NonNullable<PanelSpec['valueTexts']> = {
  '1': ['serving', 'green'],
  '2': ['isolated', 'red'],
  '3': ['draining', 'blue'],
  '4': ['joining', 'yellow'],
};
