import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authenticator } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { BrokerOptions, ListenerTls } from '../../src/index.ts';
import { ListeningBroker } from '../support/listening-broker.ts';

afterEach(() => ListeningBroker.stopAll());

/** Accepts each client as the user of its certificate. */
const byCertificate: Authenticator = {
  authenticate: async ({ client, address, listener, certificate }) => {
    const user = certificate!.commonName!;
    const identity = { source: 'certificate', user, groups: [], client, address, listener } as const;
    return { accepted: true, subject: { identity } };
  },
};

requiring('openssl')('a TLS listener', () => {
  let directory: string;
  let authority: TestAuthority;
  let server: TestCertificate;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'departed-certificates-'));
    authority = new TestAuthority(directory);
    server = authority.issueServer('server', '127.0.0.1');
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const tls = (): ListenerTls => ({
    ...{ key: server.key, cert: server.cert, ca: authority.ca, revocations: authority.revocations },
    ...{ clientCertificate: 'required', minVersion: 'TLSv1.2' },
  });

  let reported: string[];
  let broker: ListeningBroker;

  beforeEach(async () => {
    reported = [];
    const onDepartedRevoked: BrokerOptions['onDepartedRevoked'] = (clients) =>
      reported.push(...clients.map(({ client, user, epoch }) => `${client} of ${user}, epoch ${epoch}`));
    const more = { authenticator: byCertificate, onDepartedRevoked };
    broker = await ListeningBroker.start({ kind: 'tls', tls: tls() }, {}, more);
  });

  /** Connects a client whose will has this delay. */
  function come(
    clientId: string,
    { key, cert }: TestCertificate,
    willDelayInterval: number,
  ): Promise<MqttClient> {
    const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: false } as const;
    return mqtt.connectAsync(`mqtts://${broker.host}:${broker.port}`, {
      ...{ key, cert, rejectUnauthorized: false, reconnectPeriod: 0, clientId, protocolVersion: 5 },
      ...{ clean: false, properties: { sessionExpiryInterval: 300 } },
      will: { ...will, properties: { willDelayInterval } },
    });
  }

  test('reports the clients with a revoked certificate that are gone while their wills wait, and no others', async () => {
    const [revoked, kept] = [authority.issue('departed'), authority.issue('departed-kept')];
    const leave = async (open: MqttClient): Promise<void> => {
      const before = broker.member.disconnects.length;
      open.stream.destroy();
      await until(() => broker.member.disconnects.length > before);
    };
    await leave(await come('late', revoked, 60));
    // The test member uses the number of a connection as its epoch.
    const epoch = broker.member.disconnects[0]!.connection;
    await leave(await come('without delay', revoked, 0));
    await leave(await come('of another certificate', kept, 60));
    await (await come('graceful', revoked, 60)).endAsync();
    await until(() => broker.member.disconnects.length === 4);
    await leave(await come('back', revoked, 60));
    const back = await come('back', kept, 60);
    authority.revoke(revoked);
    broker.broker.updateTls('tested', tls());
    expect(reported).toEqual([`late of departed, epoch ${epoch}`]);
    broker.broker.updateTls('tested', tls());
    expect(reported).toHaveLength(1);
    back.end(true);
  });

  test('reports a client whose connection ends before the check of the open connections has reached it', async () => {
    const revoked = authority.issue('racing');
    await come('racing client', revoked, 60);
    authority.revoke(revoked);
    broker.broker.updateTls('tested', tls());
    broker.broker.disconnect('racing client');
    const epoch = broker.member.disconnects[0]!.connection;
    expect(reported).toEqual([`racing client of racing, epoch ${epoch}`]);
  });
});
