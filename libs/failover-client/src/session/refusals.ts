/** CONNACK return codes of MQTT 3.1.1: bad user name or password, not authorized (3.2.2.3). */
const refusedReturnCodes: readonly number[] = [4, 5];
/** Reason codes of MQTT 5: bad user name or password, not authorized, bad authentication method (2.4). */
const refusedReasonCodes: readonly number[] = [0x86, 0x87, 0x8c];
/** Codes of Node's errors about certificates and keys, at both ends of a TLS handshake. */
const certificateFault =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA)/;

/** Returns whether the server refuses the identity of the client. A repetition then has the same result. */
export function isRefusedIdentity(code: number | null, protocolVersion: 4 | 5): boolean {
  return code !== null && (protocolVersion === 4 ? refusedReturnCodes : refusedReasonCodes).includes(code);
}

/** Returns whether the error of a connection is about a certificate or a key, or an HTTP answer of a wrong server. */
export function isPermanentFault({ code, message }: Error & { readonly code?: unknown }): boolean {
  if (typeof code === 'string' && certificateFault.test(code)) return true;
  return message.startsWith('Unexpected server response:');
}
