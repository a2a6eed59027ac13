import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import { clientHost, namespaceOf } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';

const receiveSecondsMax = 3;

/** Runs the programs of mosquitto on the client host against one broker. */
export class Mosquitto {
  readonly #layout: TestBedLayout;
  readonly #address: string;

  constructor(layout: TestBedLayout, address: string) {
    this.#layout = layout;
    this.#address = address;
  }

  #command(program: string, args: readonly string[]): string[] {
    return ['netns', 'exec', namespaceOf(this.#layout, clientHost), program, '-h', this.#address, ...args];
  }

  /** Publishes a message with QoS 1 and waits for its acknowledgement. @throws CommandError */
  async publish(topic: string, message: string, { retain = false } = {}): Promise<void> {
    const flags = ['-q', '1', '-t', topic, '-m', message, ...(retain ? ['-r'] : [])];
    await runCommand('ip', this.#command('mosquitto_pub', flags));
  }

  /** Creates a persistent session with one subscription, and disconnects. @throws CommandError */
  async createSession(id: string, filter: string): Promise<void> {
    await runCommand('ip', this.#command('mosquitto_sub', ['-i', id, '-c', '-q', '1', '-t', filter, '-E']));
  }

  /** Returns the retained messages that match a filter, each as topic and payload, sorted. */
  retained(filter: string): Promise<string[]> {
    return this.#receive(['-t', filter, '--retained-only', '-F', '%t %p']);
  }

  /** Continues a persistent session. @returns the payloads of its queued messages, in their order */
  queued(id: string, filter: string): Promise<string[]> {
    return this.#receive(['-i', id, '-c', '-q', '1', '-t', filter, '-F', '%p']);
  }

  /** Receives for some seconds. mosquitto_sub then ends with a status other than 0. */
  async #receive(flags: readonly string[]): Promise<string[]> {
    const args = [...flags, '-W', String(receiveSecondsMax)];
    const { output } = await attemptCommand('ip', this.#command('mosquitto_sub', args));
    return output.split('\n').filter((line) => line !== '');
  }
}
