import type { Member, Snapshot, UnfinishedSnapshot } from '@mqtt-cluster/contracts';
import { BackupSnapshots } from '../../src/admin/backup-snapshots.ts';

const steps = 20;

/** A member whose snapshots take some steps. */
class SlowMember {
  begun = 0;
  discarded = 0;
  unfinished = 0;
  mostUnfinished = 0;
  stepsDone = 0;
  failsAt = Infinity;

  readMember = <T>(read: (member: Member) => T): T => read(this as unknown as Member);

  beginSnapshot(): UnfinishedSnapshot | null {
    const index = ++this.begun;
    this.mostUnfinished = Math.max(this.mostUnfinished, ++this.unfinished);
    let left = steps;
    return {
      advance: () => {
        this.stepsDone++;
        if (this.stepsDone === this.failsAt) {
          this.unfinished--;
          throw new Error('a queued message cannot be read again');
        }
        if (--left > 0) return null;
        this.unfinished--;
        return { index, term: 1, config: { members: [] }, data: Uint8Array.of(index) };
      },
      discard: () => void this.discarded++,
    };
  }
}

function indexOf(taken: Snapshot | { readonly refusal: string }): number | string {
  return 'refusal' in taken ? taken.refusal : taken.index;
}

describe('snapshots for backups', () => {
  test('take one step in each turn of the event loop', async () => {
    const member = new SlowMember();
    let before = 0;
    let most = 0;
    let isDone = false;
    const observe = (): void => {
      most = Math.max(most, member.stepsDone - before);
      before = member.stepsDone;
      if (!isDone) setImmediate(observe);
    };
    setImmediate(observe);
    expect(indexOf(await new BackupSnapshots(member).take())).toBe(1);
    isDone = true;
    expect(member.stepsDone).toBe(steps);
    expect(most).toBeLessThanOrEqual(2);
  });

  test('are taken one after another, and all requests during one share the next one', async () => {
    const member = new SlowMember();
    const snapshots = new BackupSnapshots(member);
    const first = snapshots.take();
    await new Promise((resolve) => setImmediate(resolve));
    expect(member.begun).toBe(1);
    const others = [snapshots.take(), snapshots.take(), snapshots.take()];
    expect(indexOf(await first)).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    // This request comes after the second snapshot has begun.
    expect(member.begun).toBe(2);
    const later = snapshots.take();
    const taken = await Promise.all([...others, later]);
    expect(taken.map(indexOf)).toEqual([2, 2, 2, 3]);
    expect(member.mostUnfinished).toBe(1);
  });

  test('go on after one that failed', async () => {
    const member = new SlowMember();
    member.failsAt = 3;
    const snapshots = new BackupSnapshots(member);
    const failed = snapshots.take();
    await new Promise((resolve) => setImmediate(resolve));
    const next = snapshots.take();
    await expect(failed).rejects.toThrow('cannot be read again');
    expect(indexOf(await next)).toBe(2);
  });

  test('are given up when the member stops', async () => {
    const member = new SlowMember();
    const snapshots = new BackupSnapshots(member);
    const taken = snapshots.take();
    await new Promise((resolve) => setImmediate(resolve));
    snapshots.stop();
    expect(indexOf(await taken)).toContain('this member stops');
    expect(member.discarded).toBe(1);
    expect(member.stepsDone).toBeLessThan(steps);
  });

  test('do not exist before the member belongs to a cluster', async () => {
    const member = {
      readMember: <T>(read: (of: Member) => T): T => read({ beginSnapshot: () => null } as unknown as Member),
    };
    expect(indexOf(await new BackupSnapshots(member).take())).toContain('does not belong to a cluster');
  });
});
