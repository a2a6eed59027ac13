import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { IConnectPacket } from 'mqtt-packet';

export interface ConnectOptions {
  readonly clientId: string;
  readonly definition: LinkDefinition;
  readonly password: Buffer | undefined;
  /** The time for which the other broker keeps the session, seconds. 0: the connection has no session. */
  readonly sessionSeconds: number;
  /** Published by the other broker when the connection ends. Absent: none. */
  readonly will?: IConnectPacket['will'];
  /** Messages that the other broker may send without an acknowledgement. Absent: its default. */
  readonly receiveMaximum?: number;
}

/** The definitions of mqtt-packet lack this field: the protocol level has the bit of bridges (0x80). */
type BridgeConnect = IConnectPacket & { bridgeMode?: boolean };

/** True if the CONNECT marks its connection as that of a bridge. */
export function isBridge(packet: IConnectPacket): boolean {
  return (packet as BridgeConnect).bridgeMode === true;
}

/** Returns the CONNECT of a connection to the other broker of a link. */
export function connectPacket(options: ConnectOptions): IConnectPacket {
  const { clientId, definition, password, sessionSeconds, will, receiveMaximum } = options;
  const { protocol, bridge, keepAliveSeconds, username, packetBytesMax } = definition;
  const is5 = protocol === '5.0';
  const packet: BridgeConnect = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: is5 ? 5 : 4,
    clientId,
    clean: sessionSeconds === 0,
    keepalive: keepAliveSeconds,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(will !== undefined && { will }),
    ...(!is5 && bridge && { bridgeMode: true }),
    ...(is5 && {
      properties: {
        sessionExpiryInterval: sessionSeconds,
        ...(receiveMaximum !== undefined && { receiveMaximum }),
        maximumPacketSize: packetBytesMax,
      },
    }),
  };
  return packet;
}
