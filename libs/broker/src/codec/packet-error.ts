import { reasonCodes } from './reason-codes.ts';

/** What a client sent breaks the protocol: its connection ends, with this code where its version has one. */
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
