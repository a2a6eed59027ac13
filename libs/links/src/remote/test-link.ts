import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { remoteClient } from '../names.ts';
import { connectPacket } from './connect-packet.ts';
import { readCredentials } from './credential-files.ts';
import { RemoteConnection } from './remote-connection.ts';

export interface TestResult {
  readonly ok: boolean;
  /** One sentence. */
  readonly text: string;
}

/**
 * Connects to each address of a link with a client id of its own and a clean session, so that a running link is not
 * disturbed. Sends no message.
 */
export async function testLink(
  name: string,
  definition: LinkDefinition,
  directory: string,
): Promise<TestResult> {
  const texts: string[] = [];
  let ok = true;
  for (const url of definition.addresses) {
    const failure = await tryAddress(`${remoteClient(name, definition)}-test`, definition, directory, url);
    if (failure !== null) ok = false;
    texts.push(`${url}: ${failure ?? 'accepted the connection'}`);
  }
  return { ok, text: texts.join('; ') };
}

/**
 * Deletes the session of a link at each of its addresses, by a connection that keeps no session. The link must not run.
 * Returns why it has failed at an address, in one sentence, or null.
 */
export async function discardRemoteSession(
  name: string,
  definition: LinkDefinition,
  directory: string,
): Promise<string | null> {
  const failures = await Promise.all(
    definition.addresses.map(async (url) => {
      const failure = await tryAddress(remoteClient(name, definition), definition, directory, url);
      return failure === null ? [] : [`${url}: ${failure}`];
    }),
  );
  return failures.flat().join('; ') || null;
}

/** Connects without a session. Returns why the connection failed, or null. */
async function tryAddress(
  clientId: string,
  definition: LinkDefinition,
  directory: string,
  url: string,
): Promise<string | null> {
  const { keepAliveSeconds, packetBytesMax } = definition;
  try {
    const { password, tls } = await readCredentials(definition, directory);
    const connect = connectPacket({ clientId, definition, password, sessionSeconds: 0 });
    return await new Promise<string | null>((resolve) => {
      const connection = new RemoteConnection({
        url,
        tls,
        connect,
        keepAliveMs: keepAliveSeconds * 1_000,
        packetBytesMax,
        onConnected: () => {
          connection.end();
          resolve(null);
        },
        onPacket: () => undefined,
        onClosed: (reason) => resolve(reason),
      });
    });
  } catch (error) {
    return (error as Error).message;
  }
}
