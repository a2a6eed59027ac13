/** Users of the attacked cluster. All of them have the same password. */
export const password = 'correct horse battery staple';
export const users = {
  witness: 'witness',
  newcomer: 'newcomer',
  /** A known client that turns hostile. */
  attacker: 'mallory',
  /** A user of the cluster, whose hash (scrypt) is the costliest one. */
  operator: 'operator',
} as const;

/** Users of the clients that connect again after a kill. */
export function crowdUser(number: number): string {
  return `device-${number}`;
}

/** Addresses of attackers, newcomers and crowds. The witness and the members connect from others. */
export const addresses = {
  attacker: '127.0.0.200',
  /** One of 200 addresses. */
  stranger: (number: number): string => `127.2.0.${1 + (number % 200)}`,
  newcomer: (number: number): string => `127.1.${Math.floor(number / 250) % 250}.${1 + (number % 250)}`,
  crowd: (number: number): string => `127.3.0.${1 + (number % 200)}`,
} as const;

export const login = { username: users.attacker, password: Buffer.from(password) } as const;
