import { z } from 'zod';
import type { Decoded } from '@mqtt-cluster/contracts';

const endpoint = z.object({ host: z.string(), mqttPort: z.int() });

/** What a process of an attacker attacks. The bench passes it as JSON in the command line of the process. */
export const targetSchema = z.object({
  attack: z.string(),
  /** The attacked member. */
  host: z.string(),
  mqttPort: z.int(),
  tlsPort: z.int(),
  httpPort: z.int(),
  clusterPort: z.int(),
  /** The member that the bench restarts or kills, and another one. */
  spare: endpoint,
  other: endpoint,
  /** Name of the cluster. */
  cluster: z.string(),
  /** Number of this process from 0 on, and number of all processes of the attack. */
  part: z.int(),
  parts: z.int(),
  /** Sockets that this process may open. */
  socketsMax: z.int(),
});
export type Target = Decoded<typeof targetSchema>;

/** What the attacker has got so far, by description. */
export type Gain = Readonly<Record<string, number>>;

/**
 * A line of the process on its standard output. `prepared`: the clients of the attack are connected, and the bench may
 * measure the time before the incident. `done`: the attack has reached its end.
 */
export const progressSchema = z.object({
  state: z.enum(['preparing', 'prepared', 'done']),
  gain: z.record(z.string(), z.number()),
});
export type Progress = Decoded<typeof progressSchema>;
