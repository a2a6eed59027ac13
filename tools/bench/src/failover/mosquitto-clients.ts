import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { findProgram, waitFor } from '@mqtt-cluster/kit';
import type { Processes } from '../processes.ts';
import type { MeasuredClientFactory } from './measured-client.ts';
import { feedTopic, openMsMax, ownTopic, seriesName, sessionExpirySeconds } from './protocol.ts';
import { recordFeed } from './recorder.ts';
import { steadily } from './steady.ts';

export const mosquittoName = 'mosquitto_sub, mosquitto_pub -l';
/** The shortest keep-alive that libmosquitto accepts, seconds. */
const keepaliveSeconds = 5;
const opening = { timeoutMs: openMsMax, intervalMs: 10 };

/** Returns why the clients of mosquitto cannot be measured on this machine, or null. */
export function mosquittoClientsMissing(): string | null {
  const missing = ['mosquitto_sub', 'mosquitto_pub', 'stdbuf'].find((name) => findProgram(name) === null);
  return missing === undefined ? null : `${missing} is not installed (apt-get install mosquitto-clients)`;
}

/**
 * Creates `mosquitto_sub` with a session and `mosquitto_pub -l`, both with the address of a proxy. Their debug output shows
 * connections and acknowledgements.
 */
export function mosquittoClients(processes: Processes): MeasuredClientFactory {
  return ({ label, address, rate }, recorder) => {
    if (address === null) return null;
    const name = mosquittoName;
    const children: ChildProcessWithoutNullStreams[] = [];
    const start = (program: string, args: readonly string[], onLine: (line: string) => void) => {
      const shared = ['-d', '-V', 'mqttv5', '-h', address.host, '-p', String(address.port)];
      const id = ['-i', `${label}-${program}`, '-k', String(keepaliveSeconds), '-q', '1'];
      // Without stdbuf, the program writes its output in blocks, and the times would be wrong.
      const child = spawn('stdbuf', ['-oL', program, ...shared, ...id, ...args], { stdio: 'pipe' });
      child.on('error', () => undefined); // the client does not connect
      child.stdin.on('error', () => undefined); // the program has ended
      child.stderr.resume();
      processes.adopt(child);
      children.push(child);
      createInterface({ input: child.stdout }).on('line', onLine);
      return child;
    };
    let publisher: ChildProcessWithoutNullStreams | null = null;
    let end: () => void = () => undefined;
    return {
      async open() {
        let isConnected = false;
        let isSubscribed = false;
        publisher = start('mosquitto_pub', ['-l', '-t', ownTopic(label, name)], (line) => {
          if (line.includes(' received CONNACK (0)')) isConnected = true;
          if (line.includes(' received PUBACK')) recorder.record(seriesName(name, 'publisher'));
        });
        const topics = [0, 1].flatMap((qos) => ['-t', feedTopic(label, qos as 0 | 1)]);
        const session = ['-c', '-x', String(sessionExpirySeconds), '-F', '%t %p'];
        start('mosquitto_sub', [...session, ...topics], (line) => {
          if (line.startsWith('Subscribed ')) isSubscribed = true;
          const [topic = '', number = ''] = line.split(' ');
          recordFeed(recorder, { name, label, topic, payload: Buffer.from(number) });
        });
        await waitFor(`${name} to connect`, () => (isConnected && isSubscribed) || undefined, opening);
      },
      begin() {
        end = steadily(rate, (number) => {
          recorder.sent(name);
          publisher?.stdin.write(`${number}\n`);
        });
      },
      rest: () => end(),
      async close() {
        end();
        for (const child of children) child.kill('SIGKILL');
      },
    };
  };
}
