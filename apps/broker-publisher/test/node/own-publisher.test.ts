import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
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

  describe('with a certificate or a user of its own', () => {
    let authority: TestAuthority;
    let server: { readonly key: string; readonly cert: string };
    let port: number;

    beforeAll(async () => {
      authority = new TestAuthority(directory, 'own');
      const { keyFile, certFile } = authority.issueServer('member', host);
      server = { key: keyFile, cert: certFile };
      [port = 0] = await freePorts(1);
    });

    const publishes = (): Promise<void> =>
      until(async () => {
        const [own] = (await publisherOf(cluster!))?.groups ?? [];
        return own?.role === 'active' && own.acked[1]! > 0 && own.acked[2]! > 0;
      });
    const clientIn = async (name: string) => {
      const api = new ApiClient(cluster!.httpUrl('a'));
      const { items } = await api.ok<{
        items: { id: string; user: string | null; listener: string | null }[];
      }>('listClients', 'GET', '/clients');
      return items.find(({ id }) => id === name);
    };

    test('presents its client certificate to a listener that requires one, and connects as the user of the certificate', async () => {
      const listener = {
        ...{ name: 'clients', kind: 'tls', host, port, authentication: ['certificate'] },
        tls: { ...server, ca: authority.caFile, clientCertificate: 'required' },
      };
      const { keyFile, certFile } = authority.issue('telemetry');
      cluster = await TestCluster.start(['a'], {
        mqtt: { listeners: [listener], aclFile: file('own-acl', 'user telemetry\ntopic readwrite #\n') },
        urls: [],
        publisher: {
          rate: 20,
          listenerKind: 'tls',
          tls: { ca: authority.caFile, cert: certFile, key: keyFile },
        },
      });
      await publishes();
      expect(await clientIn('host-a')).toMatchObject({ user: 'telemetry', listener: 'clients' });
      const metrics = await cluster.metrics('a');
      for (const name of ['publisher', 'publisher_authority'])
        expect(
          metrics.value('certificate_expiry_timestamp_seconds', `certificate="${name}"`),
        ).toBeGreaterThan(0);
    });

    test('connects over secure WebSocket, and reads its password file before each connection', async () => {
      const listener = {
        ...{ name: 'web', kind: 'wss', host, port, authentication: ['cluster'] },
        tls: server,
      };
      const passwordFile = file('publisher-password', 'wrong\n');
      cluster = await TestCluster.start(['a'], {
        mqtt: { listeners: [listener] },
        urls: [],
        publisher: {
          rate: 20,
          listenerKind: 'wss',
          username: 'telemetry',
          passwordFile,
          tls: { ca: authority.caFile },
        },
      });
      const api = new ApiClient(cluster.httpUrl('a'));
      await until(
        async () => (await api.send('PUT', '/users/telemetry', { password: 'right' })).status === 200,
      );
      await until(async () => {
        const { text } = await cluster!.metrics('a');
        return /authentications_total\{[^}]*result="credentials"[^}]*\} [1-9]/.test(text);
      });
      expect(await clientIn('host-a')).toBeUndefined();
      writeFileSync(passwordFile, 'right\n');
      await publishes();
      expect(await clientIn('host-a')).toMatchObject({ user: 'telemetry', listener: 'web' });
    });
  });
});
