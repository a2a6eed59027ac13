import { accessSemantics, largeStateSemantics } from '@mqtt-cluster/contracts';
import type { Part } from '@mqtt-cluster/mqtt-state';
import { Digests } from '../src/log/digests.ts';

type DigestsParameters = ConstructorParameters<typeof Digests>;

const digestEvery = 16;
const kibibyte = 1024;

/** Returns the parts that a member digests when it applies `entries` entries. */
function partsOf(stateBytes: number, semantics: number, entries: number): (Part & { index: number })[] {
  const digested: (Part & { index: number })[] = [];
  let index = 0;
  const counts = { sessions: 0, retained: 0, queuedBytes: stateBytes, willBytes: 0, subscriptionBytes: 0 };
  const digest = (part: Part): string => {
    digested.push({ ...part, index });
    return 'digest';
  };
  const state = { semantics, counts: () => counts, digest };
  const context = { state, options: { limits: { digestEvery } }, events: [] };
  const digests = new Digests(
    context as unknown as DigestsParameters[0],
    { hellos: new Map() } as unknown as DigestsParameters[1],
  );
  for (index = 1; index <= entries; index++) digests.applied(index, null);
  return digested;
}

describe('the digests of a member', () => {
  test('cover a small state as a whole at each interval', () => {
    expect(partsOf(60 * kibibyte, largeStateSemantics, 3 * digestEvery)).toEqual([
      { part: 0, parts: 1, index: 16 },
      { part: 0, parts: 1, index: 32 },
      { part: 0, parts: 1, index: 48 },
    ]);
  });

  test('cover all parts of a large state at consecutive intervals, each about 64 KiB', () => {
    const digested = partsOf(100 * 1024 * kibibyte, largeStateSemantics, 1_600 * digestEvery);
    expect(new Set(digested.map(({ parts }) => parts))).toEqual(new Set([1_600]));
    expect(new Set(digested.map(({ part }) => part)).size).toBe(1_600);
  });

  test('cover a large state as a whole and at longer intervals before `largeStateSemantics`', () => {
    const digested = partsOf(2 * 1024 * kibibyte, accessSemantics, 16 * digestEvery);
    expect(digested).toEqual([
      { part: 0, parts: 1, index: 128 },
      { part: 0, parts: 1, index: 256 },
    ]);
  });
});
