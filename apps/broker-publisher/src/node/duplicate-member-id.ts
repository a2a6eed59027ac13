import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ListenError } from '@mqtt-cluster/contracts';
import type { BridgeTls } from '@mqtt-cluster/bridge';
import type { PeerAddress } from '../config.ts';

/** Time that the probe waits for a TCP connection. The kernel of a host that is up accepts or refuses it at once. */
const connectMsMax = 500;
/** Time that the probe waits for CONNACK after the TCP connection. A busy process answers late. */
const answerMsMax = 5_000;
const connackType = 0x20;

export interface DuplicateMemberIdOptions {
  /** Address at which the peers reach this member. */
  readonly own: PeerAddress;
  /** Name of the cluster. */
  readonly name: string;
  readonly tls?: BridgeTls;
}

/**
 * Probes the address at which the peers reach this member, before this member listens. A process that answers
 * there as a member uses the same id, and the peers would connect to that process instead of this one.
 *
 * @throws ListenError another process already serves as this member
 */
export async function rejectDuplicateMemberId({ own, name, tls }: DuplicateMemberIdOptions): Promise<void> {
  if (own.port === 0 || !(await answersAsMember(own, name, tls))) return;
  throw new ListenError(
    `another process already serves as member "${own.id}" at ${own.host}:${own.port}: ` +
      'give each host its own id',
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
    let timer = setTimeout(() => end(false), connectMsMax);
    socket.on('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(false), answerMsMax);
    });
    socket.on(tls ? 'secureConnect' : 'connect', () => socket.write(connectPacket(id, name)));
    socket.on('data', (chunk: Buffer) => end(chunk[0] === connackType));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
  });
}

/**
 * Encodes the CONNECT (MQTT 3.1.1) of a bridge connection from this member to itself. Every cluster listener
 * answers it with a CONNACK that rejects the connection.
 */
function connectPacket(id: string, name: string): Buffer {
  const body = Buffer.concat([
    encodeString('MQTT'),
    Buffer.from([4, 0x82, 0, 0]),
    encodeString(`bridge:${id}:raft`),
    encodeString(`1:${name}`),
  ]);
  // The names have up to 96 characters, so the remaining length takes one or two bytes [MQTT-2.2.3].
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([0x10, ...length]), body]);
}

function encodeString(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
