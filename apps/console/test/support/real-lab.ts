import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { LabState } from '../../src/lab/shapes.ts';

/** Time after SIGTERM at which a lab that does not end is killed. */
const endMsMax = 20_000;
/** Time between two attempts of a device to connect. A member that has just started may refuse clients for a moment. */
const connectEveryMs = 200;

export interface RealLabOptions {
  /** Folder of the repository. */
  readonly root: string;
  readonly members: number;
  /** The port range of the lab (`--ports`). Labs that run at the same time have different ranges. */
  readonly ports: number;
  /** Settings of every member (`--set`). */
  readonly settings?: Readonly<Record<string, string>>;
}

interface MemberAddresses {
  readonly id: string;
  readonly mqtt: string;
  readonly http: string;
}

/** A lab in a process of its own, as `npm start` starts it: members, publishers, a client and the web console. */
export class RealLab {
  /** Address of the console, without a slash at the end. */
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #devices: MqttClient[] = [];

  private constructor(process: ChildProcess, folder: string, url: string) {
    this.#process = process;
    this.#folder = folder;
    this.url = url;
  }

  /** Builds the bundles if they are not up to date, and starts a lab. Resolves when all members serve. */
  static async start({ root, members, ports, settings = {} }: RealLabOptions): Promise<RealLab> {
    const folder = mkdtempSync(join(tmpdir(), 'console-lab-'));
    const lab = spawn(
      process.execPath,
      [
        join(root, 'scripts', 'run.mjs'),
        ...['lab', 'start', '--members', String(members), '--ports', String(ports), '--dir', folder],
        ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      ],
      { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } },
    );
    // SIGKILL would leave the members of the lab behind.
    process.once('exit', () => lab.kill('SIGTERM'));
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
      lab.stderr.on('data', (data) => {
        output += String(data);
        const [, address] = /web console: (http:\/\/[\w.:]+)\//.exec(output) ?? [];
        if (address !== undefined) resolve(address);
      });
      lab.once('error', reject);
      lab.once('exit', () => reject(new Error(`the lab did not start:\n${output}`)));
    });
    return new RealLab(lab, folder, url);
  }

  /** The addresses of the members, without a scheme. */
  get members(): readonly MemberAddresses[] {
    const text = readFileSync(join(this.#folder, 'lab.json'), 'utf8');
    return (JSON.parse(text) as { members: MemberAddresses[] }).members;
  }

  member(id: string): MemberAddresses {
    const found = this.members.find((member) => member.id === id);
    if (found === undefined) throw new Error(`the lab has no member ${id}`);
    return found;
  }

  /** Returns the figures of the load and the processes of the members. */
  async state(): Promise<LabState> {
    return (await (await fetch(`${this.url}/lab/state`)).json()) as LabState;
  }

  /** Injects a fault in the form of `lab fault`, without the page. */
  async fault(fault: string): Promise<void> {
    const response = await this.#change('POST', '/lab/faults', { fault });
    if (!response.ok) throw new Error(`${fault}: ${await response.text()}`);
  }

  /** Sends a request to the API at the address of the console. @throws Error for an answer other than 2xx */
  async api<Value>(path: string, method = 'GET', body?: unknown): Promise<Value> {
    const response = await this.#change(method, `/api/v1${path}`, body);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Value;
  }

  /**
   * Connects a client of MQTT 3.1.1 to a member. A busy member would redirect a client of MQTT 5. The client connects again
   * until the member accepts it, and does not reconnect after that.
   */
  async connect(member: string, clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
    const device = mqtt.connect(`mqtt://${this.member(member).mqtt}`, {
      protocolVersion: 4,
      clientId,
      reconnectPeriod: connectEveryMs,
      reconnectOnConnackError: true,
      ...options,
    });
    device.on('error', () => undefined);
    this.#devices.push(device);
    await new Promise<void>((resolve) => device.once('connect', () => resolve()));
    device.options.reconnectPeriod = 0;
    return device;
  }

  /** Ends the lab and all its processes, and deletes its data. */
  async stop(): Promise<void> {
    for (const device of this.#devices) device.end(true);
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), endMsMax);
      this.#process.kill('SIGTERM');
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #change(method: string, path: string, body: unknown): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: { 'x-mqtt-cluster': '1', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}
