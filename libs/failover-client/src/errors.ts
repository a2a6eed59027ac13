import { ClusterError } from '@mqtt-cluster/contracts';

/** The client rejected a publish because `unackedMax` publishes are unacknowledged. */
export class UnackedLimitError extends ClusterError {
  constructor(limit: number) {
    super('UNACKED_LIMIT', `the message was rejected: ${limit} publishes are unacknowledged (unackedMax)`);
  }
}

/** The client dropped a QoS 0 message, because there was no connection or the socket's buffer was full. */
export class NotConnectedError extends ClusterError {
  constructor(message = 'the QoS 0 message was dropped: there is no connection') {
    super('NOT_CONNECTED', message);
  }
}

/** The server rejected a QoS 1 or 2 message with an error code. */
export class PublishRefusedError extends ClusterError {
  /** MQTT 5 reason code of PUBACK, PUBREC or PUBCOMP. */
  readonly reasonCode: number;
  constructor(reasonCode: number, options?: ErrorOptions) {
    super(
      'PUBLISH_REFUSED',
      `the server rejected the message with reason code 0x${reasonCode.toString(16)}`,
      options,
    );
    this.reasonCode = reasonCode;
  }
}

/**
 * The packet of the message exceeds the largest packet that the server accepts. The client does not send the
 * message again.
 */
export class MessageTooLargeError extends ClusterError {
  /** Bytes of the PUBLISH packet. */
  readonly packetBytes: number;
  /** Bytes that the server accepts; null if the server closed the connections without naming its limit. */
  readonly packetBytesMax: number | null;
  constructor(packetBytes: number, packetBytesMax: number | null) {
    const limit =
      packetBytesMax === null
        ? 'the server closed the connection when it was sent, so the packet probably exceeds its limit'
        : `the server accepts at most ${packetBytesMax} bytes`;
    super('MESSAGE_TOO_LARGE', `the message was rejected: its packet has ${packetBytes} bytes, and ${limit}`);
    this.packetBytes = packetBytes;
    this.packetBytesMax = packetBytesMax;
  }
}

/** The server rejected a topic filter in SUBACK. */
export class SubscriptionRefusedError extends ClusterError {
  constructor(filters: readonly string[]) {
    super('SUBSCRIPTION_REFUSED', `the server rejected the subscription to ${filters.join(', ')}`);
  }
}

/** The client was stopped. A message without an acknowledgement may have been delivered. */
export class ClientStoppedError extends ClusterError {
  constructor(message = 'the client was stopped', options?: ErrorOptions) {
    super('CLIENT_STOPPED', message, options);
  }
}

/** An option or an argument is invalid. */
export class OptionsError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('OPTIONS', message, options);
  }
}
