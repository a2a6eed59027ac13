import type { IncomingMessage } from 'node:http';
import { parseJsonText } from '@mqtt-cluster/contracts';
import { ApiProblem } from './api-problem.ts';

/** The largest body is a list of access rules, or a message. */
const bodyBytesMax = 1024 * 1024;
/** The largest body that a stranger may send has a user name and a password, with an escape sequence for each character. */
const openBodyBytesMax = 8 * 1024;

/**
 * Reads the body of a request as JSON. An empty body is an empty object.
 *
 * @param isAuthorized false for an operation that needs no authorization
 * @throws ApiProblem 413, 415, or 400 if the body is not JSON
 */
export async function readJson(request: IncomingMessage, isAuthorized: boolean): Promise<unknown> {
  const bytesMax = isAuthorized ? bodyBytesMax : openBodyBytesMax;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax)
      // The connection closes, because the rest of the body would follow.
      throw new ApiProblem(413, `the body has more than ${bytesMax} bytes`, {
        headers: { connection: 'close' },
      });
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json')
    throw new ApiProblem(415, 'the content type of the body must be application/json');
  try {
    return parseJsonText(Buffer.concat(chunks));
  } catch (error) {
    throw new ApiProblem(400, `the body must be JSON: ${(error as Error).message}`);
  }
}
