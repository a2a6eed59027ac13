/** A connection with TLS encrypts a piece in some milliseconds. */
const pieceBytes = 1024 * 1024;

/**
 * Returns bytes as a body that is sent in pieces, as fast as the client reads. A response copies a body that is one array,
 * which would take one long turn of the event loop for a large one.
 */
export function byteStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (offset >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(offset, offset + pieceBytes));
        offset += pieceBytes;
      },
    },
    { highWaterMark: 1 },
  );
}
