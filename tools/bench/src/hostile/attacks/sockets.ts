import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { addresses, login } from '../attacker/credentials.ts';
import type { GainCounter } from '../attacker/gain.ts';
import { inLanes } from '../attacker/lanes.ts';
import type { Target } from '../attacker/protocol.ts';
import { RawClient } from '../attacker/raw-client.ts';
import type { Attack, Attacker } from './attack.ts';

const silentSockets = 300;
const httpSockets = 70;
const floodConnections = 40_000;
const floodMs = 6_000;
const idleConnections = 10_000;
const handshakes = 500;
/** Pause before a closed socket is opened again. */
const reopenMs = 20;
/** Frame format of the bridge, which is the first part of its user name. */
const bridgeFrameVersion = 1;

/** Attacks that need no user. The attacker reaches only the port. */
export const socketAttacks: readonly Attack[] = [
  {
    name: 'silent-cluster-sockets',
    title: `${silentSockets} silent sockets on the cluster port, opened again when closed, while another member restarts`,
    incident: 'restart',
    run: (attacker) => holdSockets(attacker, attacker.target.clusterPort, silentSockets, 'cluster sockets'),
  },
  {
    name: 'fake-bridge',
    title: 'CONNECT as a bridge of each member on the cluster port, with TLS and without a certificate',
    run: ({ target, gain, signal }) =>
      inLanes(Infinity, 20, signal, async (number) => {
        const kind = number % 2 === 0 ? 'raft' : 'log';
        const clientId = `bridge:m${1 + (number % 3)}:${kind}`;
        await tryBridge(target, gain, clientId, `${bridgeFrameVersion}:${target.cluster}`);
        await delay(reopenMs);
      }),
  },
  {
    name: 'changing-bridge-ids',
    title: 'refused CONNECTs with changing ids on the cluster port, as many as possible',
    run: ({ target, gain, signal }) =>
      inLanes(Infinity, 50, signal, (number) => tryBridge(target, gain, `bridge:x${number}:raft`, 'x')),
  },
  {
    name: 'idle-http',
    title: `${httpSockets} idle sockets on the HTTP port, opened again when closed`,
    run: (attacker) => holdSockets(attacker, attacker.target.httpPort, httpSockets, 'HTTP sockets'),
  },
  {
    name: 'connect-flood',
    title: `${floodConnections} connects in ${floodMs / 1_000} s from one address, again and again`,
    parts: 2,
    run: connectFlood,
  },
  {
    name: 'idle-connections',
    title: `${idleConnections} idle clients of one user and address at one member`,
    parts: 2,
    run: idleClients,
  },
  {
    name: 'silent-clients',
    title: `${idleConnections} sockets on the MQTT port that send no CONNECT`,
    parts: 2,
    run: (attacker) =>
      holdSockets(attacker, attacker.target.mqttPort, shareOf(attacker, idleConnections), 'MQTT sockets'),
  },
  {
    name: 'stalled-tls',
    title: `${handshakes} TLS handshakes that stop after the first bytes, opened again when closed`,
    run: (attacker) =>
      holdSockets(
        attacker,
        attacker.target.tlsPort,
        handshakes,
        'TLS sockets',
        Buffer.from([22, 3, 1, 2, 0, 1]),
      ),
  },
];

/** Connects to the cluster port once, and counts how far that goes. */
async function tryBridge(
  { host, clusterPort: port }: Target,
  gain: GainCounter,
  clientId: string,
  username: string,
): Promise<void> {
  const client = new RawClient({ host, port, from: addresses.attacker, secure: true });
  gain.add('CONNECTs tried');
  gain.add(`CONNECTs ${await client.login({ clientId, username })}`);
  client.destroy();
}

/** Returns how many of the sockets this process opens: its part, and not more than it may. */
function shareOf({ target: { parts, socketsMax } }: Attacker, count: number): number {
  return Math.min(Math.ceil(count / parts), socketsMax);
}

/** Keeps a number of sockets open and opens each one again when the server closes it. */
async function holdSockets(
  { target: { host }, gain, signal }: Attacker,
  port: number,
  count: number,
  what: string,
  firstBytes?: Buffer,
): Promise<void> {
  await inLanes(count, count, signal, async () => {
    while (!signal.aborted) {
      const socket = connect({ host, port, localAddress: addresses.attacker });
      if (firstBytes !== undefined) socket.write(firstBytes);
      socket.on('connect', () => gain.add(`${what} opened`));
      socket.resume();
      await ended(socket);
      gain.add(`${what} closed`);
      await delay(reopenMs);
    }
  });
}

async function connectFlood({ target, gain, signal }: Attacker): Promise<void> {
  const { host, mqttPort: port, parts } = target;
  const total = floodConnections / parts;
  while (!signal.aborted) {
    const untilMs = performance.now() + floodMs;
    await inLanes(total, 200, signal, async () => {
      if (performance.now() > untilMs) return;
      const socket = connect({ host, port, localAddress: addresses.attacker });
      const opened = await Promise.race([
        new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true))),
        ended(socket).then(() => false),
      ]);
      gain.add(opened ? 'connects' : 'connects refused');
      socket.destroy();
    });
    await delay(Math.max(0, untilMs - performance.now()));
  }
}

async function idleClients(attacker: Attacker): Promise<void> {
  const { target, gain, signal } = attacker;
  await inLanes(shareOf(attacker, idleConnections), 100, signal, async (number) => {
    const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.attacker });
    const outcome = await client.login({ ...login, clientId: `idle-${target.part}-${number}` });
    gain.add(`clients ${outcome}`);
    if (outcome === 'accepted') void client.closed.then(() => gain.add('clients closed later'));
    else client.destroy();
  });
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
  });
}
