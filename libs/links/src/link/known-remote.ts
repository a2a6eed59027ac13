import { createHash } from 'node:crypto';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { LocalSession } from '../local/local-session.ts';
import { freshRemoteMark, isRemoteMark, knownRemoteMark, markedRemotes, remoteClient } from '../names.ts';

/** Characters of the digest of a client id and an address. */
const idLength = 16;

/**
 * Remembers in the session of a link at which broker the link has a session. A session at another broker may be older, with
 * packet ids that mean something else, so the link deletes it before it begins one there. A definition that has the client
 * id and an address in common with the former one is for the same broker.
 */
export class KnownRemote {
  readonly mark: string;
  readonly #ids: readonly string[];

  constructor(name: string, definition: LinkDefinition) {
    const client = remoteClient(name, definition);
    this.#ids = definition.addresses.map((address) =>
      createHash('sha256').update(`${client}\n${address}`).digest('hex').slice(0, idLength),
    );
    this.mark = knownRemoteMark(this.#ids);
  }

  isKnown(session: LocalSession): boolean {
    const marks = remoteMarks(session);
    const known = markedRemotes(marks);
    // The mark of earlier versions does not name the broker. It counts until this version has written its own.
    if (known.length === 0) return marks.includes(freshRemoteMark);
    return known.some((id) => this.#ids.includes(id));
  }

  /** Writes the mark of this broker in place of those of others, and calls back when it is applied. */
  write(session: LocalSession, onWritten: () => void): void {
    const former = remoteMarks(session).filter((mark) => mark !== this.mark);
    session.mark(this.mark, former, onWritten);
  }

  /** Writes the present addresses of the broker that the link has a session at. The mark of earlier versions stays for them. */
  update(session: LocalSession): void {
    const marks = remoteMarks(session).filter((mark) => mark !== freshRemoteMark);
    if (!this.isKnown(session) || (marks.length === 1 && marks[0] === this.mark)) return;
    const former = marks.filter((mark) => mark !== this.mark);
    session.mark(this.mark, former, () => undefined);
  }
}

/** Ends the marks of a link that has no session at an MQTT broker any more. */
export function forgetRemote(session: LocalSession): void {
  session.unsubscribe(remoteMarks(session));
}

function remoteMarks(session: LocalSession): string[] {
  return (session.detail?.subscriptionList ?? []).map(({ filter }) => filter).filter(isRemoteMark);
}
