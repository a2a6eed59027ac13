import type { BodiesCopy } from '../bodies/bodies-copy.ts';
import type { ItemSlots } from '../session/item-slots.ts';
import type { StateData } from '../state-data.ts';
import type { StateEncoding, StepBounds } from '../types.ts';
import { writeAccess } from './access-codec.ts';
import { ByteWriter } from './bytes.ts';
import { EncodedState } from './encoded-state.ts';
import { writeMessage } from './message-codec.ts';
import { BodyWriter, writeItem, writeItemCount } from './session-codec.ts';
import { writeState } from './state-codec.ts';

/** The encoded rest of a state between its queues, and copies of the queues, in order. */
type CopiedState = readonly (Uint8Array | ItemSlots)[];

/**
 * Encodes a state as it is now, as canonical bytes, in steps. The state may change between the steps: the items of all queues
 * and the places of their messages are copied at the beginning, and everything else is encoded then. All collections are in
 * insertion order. That order is itself replicated, and a decoded state continues with the same order. Large payloads are not
 * copied.
 */
export class StepwiseEncoding implements StateEncoding {
  readonly #encoded: EncodedState;
  readonly #writer: ByteWriter;
  readonly #steps: Iterator<void>;
  #isDiscarded = false;

  constructor(data: StateData) {
    const encoded = new EncodedState(data.bodies.pages);
    this.#encoded = encoded;
    this.#writer = new ByteWriter((part) => encoded.append(part));
    this.#steps = writeCopied(this.#writer, copyOf(data), data.bodies.copy(), encoded);
  }

  advance({ values, bytes }: StepBounds): EncodedState | null {
    if (this.#isDiscarded) throw new Error('an encoding that was given up goes on: a programming error');
    const end = this.#writtenBytes + bytes;
    for (let count = 0; count < values && this.#writtenBytes < end; count++)
      if (this.#steps.next().done === true) return this.#encoded;
    return null;
  }

  finish(): EncodedState {
    return this.advance({ values: Infinity, bytes: Infinity })!;
  }

  discard(): void {
    this.#isDiscarded = true;
    this.#encoded.discard();
  }

  get #writtenBytes(): number {
    return this.#encoded.writtenBytes + this.#writer.length;
  }
}

function copyOf(data: StateData): CopiedState {
  const copied: (Uint8Array | ItemSlots)[] = [];
  const writer = new ByteWriter((part) => copied.push(part));
  writeState(writer, data, {
    items: ({ items }) => {
      writeItemCount(writer, items);
      if (items.size === 0) return;
      writer.flush();
      copied.push(items.copy());
    },
    message: (message) => writeMessage(writer, message),
    access: (access) => writeAccess(writer, access),
  });
  writer.flush();
  return copied;
}

/** Ends a step after each item, and after each piece between the queues. */
function* writeCopied(
  writer: ByteWriter,
  copied: CopiedState,
  copy: BodiesCopy,
  encoded: EncodedState,
): Generator<void, void> {
  const bodies = new BodyWriter(writer, copy, encoded);
  for (const part of copied) {
    if (part instanceof Uint8Array) {
      writer.raw(part);
      yield;
      continue;
    }
    for (const item of part.items()) {
      writeItem(writer, bodies, item);
      yield;
    }
  }
  writer.flush();
}
