import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ListenError } from '@mqtt-cluster/contracts';
import type { BridgeTls } from '@mqtt-cluster/bridge';
import type { PeerAddress } from '../config.ts';

/** A process that lives answers at once; a host that is silent is none that serves as this member. */
const answerMsMax = 500;
const connackType = 0x20;

export interface TwinProbeOptions {
  /** Of this member, as its peers have it. */
  readonly own: PeerAddress;
  /** Of the cluster. */
  readonly name: string;
  readonly tls?: BridgeTls;
}

/**
 * Before this member listens, nobody may answer as a member at the address that its peers have of it: that would be
 * another process with the same id, and the peers would never hear this one.
 *
 * @throws ListenError one line that says so
 */
export async function refuseTwin({ own, name, tls }: TwinProbeOptions): Promise<void> {
  if (own.port === 0 || !(await answersAsMember(own, name, tls))) return;
  throw new ListenError(
    `another process serves as member "${own.id}" at ${own.host}:${own.port} already: each host needs an id of its own`,
  );
}

function answersAsMember({ id, host, port }: PeerAddress, name: string, tls?: BridgeTls): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tls
      ? connectTls({ host, port, key: tls.key, cert: tls.cert, ca: tls.ca, rejectUnauthorized: false })
      : connect({ host, port });
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), answerMsMax);
    socket.on(tls ? 'secureConnect' : 'connect', () => socket.write(connectPacket(id, name)));
    socket.on('data', (chunk: Buffer) => end(chunk[0] === connackType));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
  });
}

/** The CONNECT of a bridge of this very member (MQTT 3.1.1): every cluster listener answers it, by a refusal. */
function connectPacket(id: string, name: string): Buffer {
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, 0x82, 0, 0]),
    text(`bridge:${id}:raft`),
    text(`1:${name}`),
  ]);
  // Up to 128 characters of names: the length may take two bytes [MQTT-2.2.3].
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([0x10, ...length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
