import { setTimeout as delay } from 'node:timers/promises';
import { Witness } from '@mqtt-cluster/workload';
import { addresses, crowdUser, login, password, users } from '../attacker/credentials.ts';
import { inLanes } from '../attacker/lanes.ts';
import { RawClient } from '../attacker/raw-client.ts';
import { victimClientId } from '../measure/victim.ts';
import type { Attack, Attacker } from './attack.ts';

/** Clients of the crowd, which is no attacker: the kill of a member makes all of them connect again. */
const crowd = 10_000;
/** The clients connect again within this time, as clients with a random delay do. */
const reconnectSpreadMs = 1_000;
const witnessMembers = 2;

/** Attacks with client ids and passwords. */
export const identityAttacks: readonly Attack[] = [
  {
    name: 'session-hijack',
    title: "a known client connects with other users' client ids, clean and persistent",
    run: ({ target, gain, signal }) => {
      const ids = [victimClientId, ...Witness.clientIds(witnessMembers)];
      return inLanes(Infinity, 4, signal, async (number) => {
        const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.attacker });
        const outcome = await client.login({
          ...login,
          clientId: ids[number % ids.length]!,
          clean: Math.floor(number / ids.length) % 2 === 0,
        });
        gain.add(`CONNECTs ${outcome}`);
        client.destroy();
      });
    },
  },
  {
    name: 'flapping-pair',
    title: 'two devices with one client id connect again at once after each takeover',
    run: ({ target, gain, signal }) =>
      inLanes(2, 2, signal, async () => {
        while (!signal.aborted) {
          const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.attacker });
          gain.add(`CONNECTs ${await client.login({ ...login, clientId: 'twin', clean: false })}`);
          await client.closed;
        }
      }),
  },
  {
    name: 'wrong-passwords',
    title: 'a flood of wrong passwords for users of the cluster and of the file, from 200 addresses',
    run: ({ target, gain, signal }) =>
      inLanes(Infinity, 200, signal, async (number) => {
        const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.stranger(number) });
        const names = [users.operator, users.witness, `nobody-${number}`];
        const outcome = await client.login({
          clientId: `guess-${number}`,
          username: names[number % names.length]!,
          password: Buffer.from(`guess-${number}`),
        });
        gain.add(`passwords ${outcome}`);
        client.destroy();
      }),
  },
  {
    name: 'crowd-after-kill',
    title: `${crowd} clients, each with a password of its own, connect again after a kill of their member`,
    parts: 2,
    incident: 'kill',
    connectsFirst: true,
    hasEnd: true,
    run: crowdAfterKill,
  },
];

/** The clients of one process: connect to the spare member, and after its death to the two others in turn. */
async function crowdAfterKill({ target, gain, signal, report }: Attacker): Promise<void> {
  const count = Math.min(Math.ceil(crowd / target.parts), target.socketsMax);
  const numbers = Array.from({ length: count }, (_, index) => target.part * count + index);
  const clients: RawClient[] = [];
  await inLanes(count, 100, signal, async (index) => {
    clients.push(
      await persistentLogin(
        numbers[index]!,
        signal,
        () => target.spare,
        () => undefined,
      ),
    );
  });
  gain.add('clients connected', count);
  report('prepared');
  const servers = [{ host: target.host, mqttPort: target.mqttPort }, target.other];
  await Promise.all(
    clients.map(async (client, index) => {
      await client.closed;
      await delay(Math.random() * reconnectSpreadMs);
      const number = numbers[index]!;
      await persistentLogin(
        number,
        signal,
        (attempt) => servers[(number + attempt) % servers.length]!,
        (outcome) => gain.add(`connects again ${outcome}`),
      );
      gain.add('clients back');
    }),
  );
  report('done');
}

/** Logs in as a client of the crowd, and tries again until the server accepts it. */
async function persistentLogin(
  number: number,
  signal: AbortSignal,
  serverOf: (attempt: number) => { readonly host: string; readonly mqttPort: number },
  onOutcome: (outcome: string) => void,
): Promise<RawClient> {
  for (let attempt = 0; ; attempt++) {
    const { host, mqttPort: port } = serverOf(attempt);
    const client = new RawClient({ host, port, from: addresses.crowd(number) });
    const outcome = await client.login({
      clientId: `crowd-${number}`,
      username: crowdUser(number),
      password: Buffer.from(password),
    });
    onOutcome(outcome);
    if (outcome === 'accepted' || signal.aborted) return client;
    client.destroy();
    await delay(500 + Math.random() * reconnectSpreadMs);
  }
}
