import type { MqttClient } from 'mqtt';
import type { RealLab } from '../test/support/real-lab.ts';

const lines = ['line1', 'line2', 'line3'] as const;
const machines = ['press', 'oven', 'packer', 'conveyor'] as const;
const publishEveryMs = 1_000;

/** Devices of an imagined plant, so that the pages have something to show. */
export class Plant {
  readonly #lab: RealLab;
  readonly #timers: NodeJS.Timeout[] = [];
  #count = 0;

  constructor(lab: RealLab) {
    this.#lab = lab;
  }

  async start(): Promise<void> {
    const scada = await this.#persistent('m2', 'scada-north');
    await scada.subscribeAsync('plant/#', { qos: 2 });
    await scada.subscribeAsync('$share/alarms/plant/+/+/alarm', { qos: 1 });
    // Its session stays, so its queue grows.
    const historian = await this.#persistent('m1', 'historian');
    await historian.subscribeAsync('plant/+/press/temperature', { qos: 1 });
    for (const line of lines) for (const machine of machines) await this.#machine(line, machine);
    await historian.endAsync();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #machine(line: string, machine: string): Promise<void> {
    const topic = `plant/${line}/${machine}`;
    this.#count += 1;
    const device = await this.#persistent(
      `m${1 + (this.#count % this.#lab.members.length)}`,
      `${machine}-${line}`,
      {
        topic: `${topic}/state`,
        payload: Buffer.from('offline'),
        qos: 1,
        retain: true,
      },
    );
    await device.subscribeAsync(`${topic}/command`, { qos: 1 });
    const configuration = { unit: '°C', limit: 90 + this.#count, interval: publishEveryMs };
    await device.publishAsync(`${topic}/configuration`, JSON.stringify(configuration), {
      qos: 1,
      retain: true,
    });
    await device.publishAsync(`${topic}/state`, 'running', { qos: 1, retain: true });
    let step = this.#count;
    const publish = (): void => {
      if (!device.connected) return;
      step += 1;
      const value = Math.round((60 + this.#count + 8 * Math.sin(step / 9)) * 10) / 10;
      device.publish(`${topic}/temperature`, JSON.stringify({ value, unit: '°C' }), { qos: 1 });
      device.publish(`${topic}/speed`, String(100 + (step % 17)), { qos: 0 });
    };
    this.#timers.push(setInterval(publish, publishEveryMs));
  }

  #persistent(member: string, clientId: string, will?: NonNullable<MqttClient['options']['will']>) {
    return this.#lab.connect(member, clientId, {
      clean: false,
      ...(will !== undefined && { will }),
    });
  }
}
