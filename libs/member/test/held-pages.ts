import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';

/** Counts the encodings that use the pages. */
export class HeldPages extends MemoryMessagePages {
  holds = 0;

  override hold(): () => void {
    const release = super.hold();
    let isHeld = true;
    this.holds++;
    return () => {
      if (isHeld) this.holds--;
      isHeld = false;
      release();
    };
  }
}
