import { AccessCheck } from '../../src/connection/access-check.ts';
import { decisions } from '../support/access.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Connections whose checks take some time each. */
function connections(count: number, onCheck: (id: number) => void): Map<number, { checkAccess(): void }> {
  return new Map(Array.from({ length: count }, (_, id) => [id, { checkAccess: () => onCheck(id) }]));
}

function spend(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('the check of connected clients', () => {
  it('reaches all clients in slices, between which the event loop runs', async () => {
    const access = { ...decisions({}), version: 1 };
    const checked = new Set<number>();
    const check = new AccessCheck(
      access,
      connections(10_000, (id) => {
        checked.add(id);
        spend(0.002);
      }),
    );
    access.version = 2;
    check.run();
    let turns = 0;
    for (; checked.size < 10_000; turns++) await turn();
    expect(turns).toBeGreaterThan(3);
  });

  it('begins only when the version has changed', async () => {
    const access = { ...decisions({}), version: 1 };
    let checks = 0;
    const check = new AccessCheck(
      access,
      connections(1, () => checks++),
    );
    for (const version of [1, 2, 2, 3]) {
      access.version = version;
      check.run();
      await turn();
    }
    expect(checks).toBe(2);
  });

  it('begins again when the version changes before its end', async () => {
    const access = { ...decisions({}), version: 1 };
    const versions = new Map<number, number>();
    const check = new AccessCheck(
      access,
      connections(100, (id) => {
        versions.set(id, access.version);
        spend(0.5);
      }),
    );
    access.version = 2;
    check.run();
    await turn();
    access.version = 3;
    check.run();
    while ([...versions.values()].filter((version) => version === 3).length < 100) await turn();
    check.stop();
  });

  it('ends with the broker', async () => {
    const access = { ...decisions({}), version: 1 };
    let checks = 0;
    const check = new AccessCheck(
      access,
      connections(10, () => checks++),
    );
    access.version = 2;
    check.run();
    check.stop();
    await turn();
    expect(checks).toBe(0);
  });
});
