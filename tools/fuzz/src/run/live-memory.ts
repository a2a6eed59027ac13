import { setTimeout as delay } from 'node:timers/promises';
import { parseJson } from '@mqtt-cluster/contracts';
import WebSocket from 'ws';
import { z } from 'zod';

/** The address at which a Node process opens its inspector after SIGUSR1. */
const inspectorUrl = 'http://127.0.0.1:9229/json';
/** Longest waits for the inspector, ms. */
const openMsMax = 120_000;
const answerMsMax = 120_000;
const closeMsMax = 5_000;
const requestMsMax = 10_000;
const pollMs = 100;
const portRetryMs = 1_000;

const targetsSchema = z.array(z.object({ webSocketDebuggerUrl: z.string() })).min(1);
const answerSchema = z.object({
  id: z.number(),
  result: z.object({ result: z.object({ value: z.unknown() }).optional() }).optional(),
});
const usageSchema = z.object({ heapUsed: z.number(), external: z.number() });

/**
 * Returns the live memory of a Node process, bytes: its JavaScript heap and its buffers directly after a garbage
 * collection. Resident memory would also contain what V8 has not collected or returned yet, which varies by hundreds of
 * MiB on a machine with much memory.
 *
 * @throws Error when the process does not answer in time, or another process keeps the port of the inspector
 */
export async function liveBytes(pid: number): Promise<number> {
  const untilMs = performance.now() + openMsMax;
  for (;;) {
    process.kill(pid, 'SIGUSR1');
    const inspector = await Inspector.open(untilMs);
    let isOurs = true;
    try {
      const other = Number(await inspector.evaluate('process.pid'));
      isOurs = other === pid;
      if (isOurs) return await liveBytesOf(inspector);
      // Only one process of this machine can have the port.
      if (performance.now() > untilMs) throw new Error(`process ${other} uses the port of the inspector`);
    } finally {
      await inspector.end(isOurs);
    }
    await delay(portRetryMs);
  }
}

async function liveBytesOf(inspector: Inspector): Promise<number> {
  // The second collection frees what finalizers of the first one have released.
  for (let count = 0; count < 2; count++) await inspector.send('HeapProfiler.collectGarbage');
  const usage = await inspector.evaluate('JSON.stringify(process.memoryUsage())');
  const parsed = parseJson(usageSchema, String(usage));
  if (parsed === undefined) throw new Error('the process did not report its memory');
  return parsed.heapUsed + parsed.external;
}

class Inspector {
  readonly #closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (value: unknown) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const answer = parseJson(answerSchema, data);
      if (answer !== undefined) this.#answers.get(answer.id)?.(answer.result?.result?.value);
    });
  }

  static async open(untilMs: number): Promise<Inspector> {
    for (;;) {
      try {
        const text = await (await fetch(inspectorUrl, { signal: AbortSignal.timeout(requestMsMax) })).text();
        const [target] = parseJson(targetsSchema, text) ?? [];
        if (target === undefined) throw new Error('the inspector lists no target');
        const socket = new WebSocket(target.webSocketDebuggerUrl);
        await new Promise<void>((resolve, reject) => {
          socket.once('open', () => resolve());
          socket.once('error', reject);
        });
        return new Inspector(socket);
      } catch (cause) {
        if (performance.now() > untilMs) throw new Error('the process opened no inspector', { cause });
        await delay(pollMs);
      }
    }
  }

  /**
   * Closes the connection.
   *
   * @param closesPort whether the process also closes its inspector, so that the next process can open its own at the same port
   */
  async end(closesPort: boolean): Promise<void> {
    if (closesPort) {
      this.post('Runtime.evaluate', { expression: 'setImmediate(() => process._debugEnd())' });
      // A process that hangs never closes the connection.
      await Promise.race([this.#closed, delay(closeMsMax, undefined, { ref: false })]);
    }
    this.#socket.terminate();
  }

  post(method: string, parameters: object = {}): number {
    const id = ++this.#last;
    this.#socket.send(JSON.stringify({ id, method, params: parameters }));
    return id;
  }

  async send(method: string, parameters: object = {}): Promise<unknown> {
    const id = this.post(method, parameters);
    const answered = new Promise<unknown>((resolve) => this.#answers.set(id, resolve));
    const timeout = delay(answerMsMax, undefined, { ref: false }).then(() => {
      throw new Error(`the inspector did not answer ${method}`);
    });
    return Promise.race([answered, timeout]);
  }

  evaluate(expression: string): Promise<unknown> {
    return this.send('Runtime.evaluate', { expression, returnByValue: true });
  }
}
