import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import { clientHost, namespaceOf } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';

const receiveSecondsMax = 3;
const tlsPort = '8883';

/** A user, and the authorities of the broker: the programs then connect with TLS. */
export interface SecureAccess {
  readonly username: string;
  readonly password: string;
  /** Path of a PEM file. */
  readonly authorities: string;
}

/** Runs the programs of mosquitto on the client host against one broker. */
export class Mosquitto {
  readonly #layout: TestBedLayout;
  readonly #address: string;
  readonly #access: readonly string[];

  /** @param access without it the programs connect without TLS and without a user */
  constructor(layout: TestBedLayout, address: string, access: SecureAccess | null = null) {
    this.#layout = layout;
    this.#address = address;
    this.#access =
      access === null
        ? []
        : ['-p', tlsPort, '--cafile', access.authorities, '-u', access.username, '-P', access.password];
  }

  #command(program: string, args: readonly string[]): string[] {
    const namespace = namespaceOf(this.#layout, clientHost);
    return ['netns', 'exec', namespace, program, '-h', this.#address, ...this.#access, ...args];
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

  /** Deletes a persistent session, by a clean one with the same client id. @throws CommandError */
  async deleteSession(id: string): Promise<void> {
    await runCommand('ip', this.#command('mosquitto_sub', ['-i', id, '-t', id, '-E']));
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
