import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import { TestCluster } from '../support/test-cluster.ts';

interface PublisherStatus {
  readonly groups: readonly {
    readonly group: string;
    readonly role: string;
    readonly acked: readonly number[];
  }[];
}

async function publisherOf(cluster: TestCluster): Promise<PublisherStatus | undefined> {
  const status = (await (await cluster.get('a', '/status')).json()) as {
    counters: { publisher?: PublisherStatus };
  };
  return status.counters.publisher;
}

requiring('openssl')('the publisher of a member', () => {
  let directory: string;
  let cluster: TestCluster | null = null;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'own-publisher-'));
  });

  afterEach(async () => {
    await cluster?.close();
    cluster = null;
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };

  test('publishes although the only listener has TLS, each client needs a user, and the rules deny everything', async () => {
    const authority = new TestAuthority(directory);
    const { keyFile, certFile } = authority.issueServer('server', host);
    const [port = 0] = await freePorts(1);
    cluster = await TestCluster.start(['a'], {
      mqtt: {
        listeners: [
          {
            name: 'clients',
            kind: 'tls',
            host,
            port,
            tls: { key: keyFile, cert: certFile },
            authentication: ['passwordFile'],
          },
        ],
        passwordFile: file('passwords', ''),
        aclFile: file('acl', 'pattern deny #\n'),
      },
      publisher: { rate: 20 },
    });
    await until(async () => {
      const [own] = (await publisherOf(cluster!))?.groups ?? [];
      return own?.role === 'active' && own.acked[1]! > 0 && own.acked[2]! > 0;
    });

    // A client with the name of the publisher has no password, and cannot take over its session.
    const stranger = mqtt.connect(`mqtts://${host}:${port}`, {
      ca: authority.ca,
      clientId: 'host-a',
      username: '$publisher',
      password: '',
      reconnectPeriod: 0,
      protocolVersion: 5,
    });
    const refused = await new Promise<Error>((resolve) => stranger.once('error', resolve));
    expect(refused).toMatchObject({ code: 0x86 });
    await stranger.endAsync(true);
  });
});
