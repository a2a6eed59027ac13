import { KeptAside } from '../../src/link/kept-aside.ts';
import type { KeptAsideOptions } from '../../src/link/kept-aside.ts';
import type { CopyAnswer, MessageCopy } from '../../src/local/local-session.ts';

/** The copies that a link has published in the cluster. A test answers them. */
export class PublishedCopies {
  readonly all: MessageCopy[] = [];
  /** Answers the last copy. */
  answer: (answer: CopyAnswer) => void = () => undefined;

  keptAside(options: Pick<KeptAsideOptions, 'definition' | 'counters' | 'onFault'>): KeptAside {
    return new KeptAside({
      ...options,
      link: 'l',
      publish: (copy, onAnswer) => {
        this.all.push(copy);
        this.answer = onAnswer;
      },
    });
  }
}
