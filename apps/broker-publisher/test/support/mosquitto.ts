import { freePorts, host } from '@mqtt-cluster/testing';
import { OtherServer } from './other-server.ts';

/** A mosquitto that keeps its sessions when it is stopped by `SIGTERM`. */
export class Mosquitto extends OtherServer {
  readonly #settings: readonly string[];

  private constructor(port: number, settings: readonly string[]) {
    super('mosquitto', port);
    this.#settings = settings;
  }

  /** @param settings lines of the configuration file, besides the listener */
  static async start(settings: readonly string[] = ['allow_anonymous true']): Promise<Mosquitto> {
    const [port = 0] = await freePorts(1);
    const mosquitto = new Mosquitto(port, settings);
    await mosquitto.start();
    return mosquitto;
  }

  get url(): string {
    return `mqtt://${host}:${this.port}`;
  }

  protected configuration(): readonly string[] {
    return [
      `listener ${this.port} ${host}`,
      'persistence true',
      `persistence_location ${this.directory}/`,
      'max_queued_messages 0',
      // Without this setting a mosquitto that root starts changes to a user that cannot read the directory.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...this.#settings,
    ];
  }
}
