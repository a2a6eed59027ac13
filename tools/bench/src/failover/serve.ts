import { createInterface } from 'node:readline';
import { describeError } from '@mqtt-cluster/kit';
import type { MeasuredClient } from './measured-client.ts';
import { mqttJs } from './mqttjs-client.ts';
import { feeder, ours } from './our-client.ts';
import { commandSchema } from './protocol.ts';
import type { Answer, Command } from './protocol.ts';
import { Recorder } from './recorder.ts';

/** First argument of a bench process that runs the measured clients. */
export const clientsArgument = '--failover-clients';

const factories = [feeder, mqttJs, ours('failover-client', 1), ours('failover-client, redundancy 2', 2)];

/** Runs the measured Node clients and the feeding publisher: reads commands from stdin, prints answers. */
export function serveClients(): void {
  const recorder = new Recorder();
  let clients: MeasuredClient[] = [];
  const carryOut = async (command: Command): Promise<Answer> => {
    switch (command.type) {
      case 'open':
        clients = factories.map((make) => make(command, recorder));
        await Promise.all(clients.map((client) => client.open()));
        for (const client of clients) client.begin();
        return { type: 'opened' };
      case 'look':
        return { type: 'events', events: recorder.take() };
      case 'close':
        await Promise.all(clients.splice(0).map((client) => client.close()));
        recorder.take();
        return { type: 'closed' };
    }
  };
  const send = (answer: Answer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    carryOut(commandSchema.parse(JSON.parse(line))).then(send, (error: unknown) =>
      send({ type: 'error', message: describeError(error) }),
    );
  });
  lines.on('close', () => process.exit(0));
}
