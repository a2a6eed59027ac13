import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { readCredentials } from '../remote/credential-files.ts';
import { testAddresses } from '../remote/test-link.ts';
import type { TestResult } from '../remote/test-link.ts';
import { openNats } from './nats-connection.ts';
import { findStream, streamFault } from './stream.ts';

/** Connects to each address of a link, and compares its stream with the definition. Changes nothing. */
export async function testJetstream(
  name: string,
  definition: LinkDefinition,
  directory: string,
): Promise<TestResult> {
  return testAddresses(definition, (url) => tryAddress(name, definition, directory, url));
}

/** @throws Error with one sentence */
async function tryAddress(
  name: string,
  definition: LinkDefinition,
  directory: string,
  url: string,
): Promise<string> {
  const credentials = await readCredentials(definition, directory);
  const { nats, manager } = await openNats({
    url,
    name: `mqtt-cluster-${name}-test`,
    definition,
    credentials,
  });
  try {
    const stream = definition.jetstream?.stream ?? '';
    const found = await findStream(manager, stream);
    if (found === null) return `accepted the connection; the link will create the stream ${stream}`;
    const fault = streamFault(found, definition);
    if (fault !== null) throw new Error(`the stream ${stream} does not fit the link: ${fault}`);
    return `accepted the connection; the stream ${stream} fits the link`;
  } finally {
    await nats.close();
  }
}
