import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { IPublishPacket } from 'mqtt-packet';
import { remoteClient } from '../names.ts';
import { connectPacket } from './connect-packet.ts';
import { readCredentials } from './credential-files.ts';
import { absencePacket } from './presence.ts';
import { RemoteConnection } from './remote-connection.ts';

export interface TestResult {
  readonly ok: boolean;
  /** One sentence. */
  readonly text: string;
}

/** @param attempt connects to one address. Returns what the server answered, or throws an error with one sentence. */
export async function testAddresses(
  { addresses }: LinkDefinition,
  attempt: (url: string) => Promise<string>,
): Promise<TestResult> {
  const texts: string[] = [];
  let ok = true;
  for (const url of addresses) {
    try {
      texts.push(`${url}: ${await attempt(url)}`);
    } catch (error) {
      ok = false;
      texts.push(`${url}: ${(error as Error).message}`);
    }
  }
  return { ok, text: texts.join('; ') };
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
  const clientId = `${remoteClient(name, definition)}-test`;
  return testAddresses(definition, async (url) => {
    const failure = await tryAddress(clientId, definition, directory, url, null);
    if (failure !== null) throw new Error(failure);
    return 'accepted the connection';
  });
}

/**
 * Deletes the session of a link at each of its addresses, by a connection that keeps no session. The link must not run.
 * Also publishes there that the cluster is not connected, so that this does not depend on a will that waits at the broker.
 * Returns why it has failed at an address, in one sentence, or null.
 */
export async function discardRemoteSession(
  name: string,
  definition: LinkDefinition,
  directory: string,
  mark: string,
): Promise<string | null> {
  const last = absencePacket(definition, mark);
  const failures = await Promise.all(
    definition.addresses.map(async (url) => {
      const failure = await tryAddress(remoteClient(name, definition), definition, directory, url, last);
      return failure === null ? [] : [`${url}: ${failure}`];
    }),
  );
  return failures.flat().join('; ') || null;
}

/** Connects without a session, and sends a last packet. Returns why the connection failed, or null. */
async function tryAddress(
  clientId: string,
  definition: LinkDefinition,
  directory: string,
  url: string,
  last: IPublishPacket | null,
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
          if (last !== null) connection.send(last);
          connection.end();
          resolve(null);
        },
        onPacket: () => undefined,
        onSkipped: () => undefined,
        onClosed: (reason) => resolve(reason),
      });
    });
  } catch (error) {
    return (error as Error).message;
  }
}
