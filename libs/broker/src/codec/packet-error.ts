import { reasonCodes } from './reason-codes.ts';

/**
 * A client violated the protocol. The guard closes the connection; an MQTT 5 client receives the reason code.
 */
export class PacketError extends Error {
  readonly reasonCode: number;

  constructor(reasonCode: number, message: string) {
    super(message);
    this.name = 'PacketError';
    this.reasonCode = reasonCode;
  }
}

export function malformed(message: string): PacketError {
  return new PacketError(reasonCodes.malformedPacket, message);
}

export function protocolError(message: string): PacketError {
  return new PacketError(reasonCodes.protocolError, message);
}
