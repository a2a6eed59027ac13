/** A password file, a password hash or a set of keys is invalid. The message never contains a password. */
export class CredentialError extends Error {}
