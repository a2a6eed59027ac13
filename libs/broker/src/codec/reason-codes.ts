/** MQTT 5 reason codes that this broker sends (MQTT 5, 2.4). */
export const reasonCodes = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  useAnotherServer: 0x9c,
} as const;

/** Reason codes from this value on are failures (MQTT 5, 2.4). */
export const failureReasonCodeMin = 0x80;

/**
 * The reason codes that a client may send, by packet ([5.0 MQTT-3.4.2-1], [5.0 MQTT-3.5.2-1],
 * [5.0 MQTT-3.6.2-1], [5.0 MQTT-3.7.2-1], [5.0 MQTT-3.14.2-1]). Some DISCONNECT reason codes are reserved for
 * servers (MQTT 5, table 3-13).
 */
export const clientReasonCodes = {
  /** PUBACK and PUBREC. */
  receipt: new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
  /** PUBREL and PUBCOMP. */
  release: new Set([0x00, 0x92]),
  disconnect: new Set([0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]),
} as const;
