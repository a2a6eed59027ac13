import type { ByteWriter } from '../codec/bytes.ts';
import { writeBody } from '../codec/body-codec.ts';
import type { EncodedState } from '../codec/encoded-state.ts';
import type { BodyId } from './body-content.ts';
import { rowsPerChunk } from './body-rows.ts';
import type { RowChunk } from './body-rows.ts';

/** The columns of a chunk that its encoding reads. */
type EncodedColumns = Pick<RowChunk, 'messages' | 'origins' | 'positions' | 'lengths' | 'hashes'>;

/**
 * The messages of all queues as they were at one index. A copy refers to the messages in memory, and notes the places of the
 * others on pages, so it needs about 36 bytes for each message. The caller keeps the pages readable.
 */
export class BodiesCopy {
  readonly #chunks: readonly (EncodedColumns | null)[];

  constructor(chunks: readonly (RowChunk | null)[]) {
    this.#chunks = chunks.map((chunk) => (chunk === null ? null : columnsOf(chunk)));
  }

  /** Upper bound of all {@link BodyId}s. */
  get idLimit(): number {
    return this.#chunks.length * rowsPerChunk;
  }

  /** Writes the message with its origin. @param encoded receives what the writer writes */
  write(writer: ByteWriter, body: BodyId, encoded: EncodedState): void {
    const chunk = this.#chunks[Math.floor(body / rowsPerChunk)]!;
    const row = body % rowsPerChunk;
    const message = chunk.messages[row];
    if (message) writeBody(writer, { message, origin: chunk.origins[row] });
    else
      encoded.appendFromPage(writer.length, chunk.positions[row]!, chunk.lengths[row]!, chunk.hashes[row]!);
  }
}

function columnsOf({ messages, origins, positions, lengths, hashes }: RowChunk): EncodedColumns {
  return {
    messages: messages.slice(),
    origins: origins.slice(),
    positions: positions.slice(),
    lengths: lengths.slice(),
    hashes: hashes.slice(),
  };
}
