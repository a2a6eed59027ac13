import { pbkdf2Sync } from 'node:crypto';

const salt = Buffer.alloc(12, 1);
const iterations = 101;

/** Returns a line of a password file as mosquitto_passwd writes it, with a hash that costs little. */
export function passwordLine(user: string, password: string): string {
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `${user}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}
