import { KeptAside } from '../../src/link/kept-aside.ts';
import type { KeptAsideOptions } from '../../src/link/kept-aside.ts';
import type { CopyAnswer, MessageCopy } from '../../src/local/local-session.ts';

/** The copies that a link has published in the cluster. A test answers them. */
export class PublishedCopies {
  readonly all: MessageCopy[] = [];
  /** Answers the last copy. */
  answer: (answer: CopyAnswer) => void = () => undefined;
  /** Ends the pause before the next attempt; null without a pause. */
  endPause: (() => void) | null = null;

  keptAside(options: Pick<KeptAsideOptions, 'definition' | 'counters' | 'onFault'>): KeptAside {
    return new KeptAside({
      ...options,
      link: 'l',
      after: (_ms, run) => {
        this.endPause = () => {
          this.endPause = null;
          run();
        };
        return () => undefined;
      },
      publish: (copy, onAnswer) => {
        this.all.push(copy);
        this.answer = onAnswer;
      },
    });
  }
}
