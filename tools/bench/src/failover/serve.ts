import { createInterface } from 'node:readline';
import { describeError } from '@mqtt-cluster/kit';
import { ClientServer } from './client-server.ts';
import { mqttJs } from './mqttjs-client.ts';
import { oneAddress } from './one-address-client.ts';
import { feeder, ours, witness } from './our-client.ts';
import { commandSchema } from './protocol.ts';
import type { Answer } from './protocol.ts';

/** First argument of a bench process that runs the measured clients. */
export const clientsArgument = '--failover-clients';

const factories = [
  feeder,
  witness,
  mqttJs,
  ours('failover-client', 1),
  ours('failover-client, redundancy 2', 2),
  oneAddress,
];

/** Runs the measured Node clients and the feeding publisher: reads commands from stdin, prints answers. */
export function serveClients(): void {
  const server = new ClientServer(factories);
  const send = (answer: Answer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    server
      .carryOut(commandSchema.parse(JSON.parse(line)))
      .then(send, (error: unknown) => send({ type: 'error', message: describeError(error) }));
  });
  lines.on('close', () => process.exit(0));
}
