import { ClusterError } from '@mqtt-cluster/contracts';

export class UnackedLimitError extends ClusterError {
  constructor(limit: number) {
    super('UNACKED_LIMIT', `${limit} publishes already wait for their ack; this one was not accepted`);
  }
}

export class NotConnectedError extends ClusterError {
  constructor(message = 'no connection: the QoS 0 message was dropped') {
    super('NOT_CONNECTED', message);
  }
}

export class PublishRefusedError extends ClusterError {
  /** MQTT 5 reason code of PUBACK, PUBREC or PUBCOMP. */
  readonly reasonCode: number;
  constructor(reasonCode: number, options?: ErrorOptions) {
    super(
      'PUBLISH_REFUSED',
      `the server refused the message with reason 0x${reasonCode.toString(16)}`,
      options,
    );
    this.reasonCode = reasonCode;
  }
}

export class SubscriptionRefusedError extends ClusterError {
  constructor(filters: readonly string[]) {
    super('SUBSCRIPTION_REFUSED', `the server refused the subscription of ${filters.join(', ')}`);
  }
}

export class ClientStoppedError extends ClusterError {
  constructor(message = 'the client was stopped', options?: ErrorOptions) {
    super('CLIENT_STOPPED', message, options);
  }
}

export class OptionsError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('OPTIONS', message, options);
  }
}
