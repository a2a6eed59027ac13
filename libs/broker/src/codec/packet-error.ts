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

/** A packet exceeds the largest packet that the server accepts (MQTT 5, 3.2.2.3.6). */
export class PacketTooLargeError extends PacketError {
  readonly bytes: number;
  readonly bytesMax: number;

  constructor(bytes: number, bytesMax: number) {
    super(reasonCodes.packetTooLarge, `a packet has ${bytes} bytes, at most ${bytesMax} are allowed`);
    this.name = 'PacketTooLargeError';
    this.bytes = bytes;
    this.bytesMax = bytesMax;
  }
}

export function malformed(message: string): PacketError {
  return new PacketError(reasonCodes.malformedPacket, message);
}

export function protocolError(message: string): PacketError {
  return new PacketError(reasonCodes.protocolError, message);
}
