/** Interval of the comments in a quiet stream. The HTTP server closes a connection without bytes after 30 s. */
const quietMsMax = 10_000;

const encoder = new TextEncoder();

/** One event of a stream. */
export interface StreamEvent {
  /** Absent for the usual events of the stream. */
  readonly event?: string;
  readonly data: unknown;
}

/**
 * Returns a response with server-sent events. The source is read only as fast as the client reads, and ends when the
 * client closes the connection.
 */
export function eventStream(source: AsyncIterable<StreamEvent>): Response {
  const events = source[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<StreamEvent>> | null = null;
  const stream = new ReadableStream<Uint8Array>(
    {
      // The first bytes show the client that the request was accepted.
      start: (controller) => controller.enqueue(encoder.encode(': ready\n\n')),
      async pull(controller) {
        next ??= events.next();
        const item = await within(next, quietMsMax);
        if (item === null) return controller.enqueue(encoder.encode(': quiet\n\n'));
        next = null;
        if (item.done === true) return controller.close();
        controller.enqueue(encoder.encode(textOf(item.value)));
      },
      async cancel() {
        await events.return?.();
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(stream, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A proxy must not collect the events.
      'x-accel-buffering': 'no',
    },
  });
}

function textOf({ event, data }: StreamEvent): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `${name}data: ${JSON.stringify(data)}\n\n`;
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
