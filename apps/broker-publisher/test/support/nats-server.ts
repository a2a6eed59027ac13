import { freePorts, host } from '@mqtt-cluster/testing';
import { OtherServer } from './other-server.ts';

/** A nats-server with JetStream. */
export class NatsServer extends OtherServer {
  readonly #settings: readonly string[];

  private constructor(port: number, settings: readonly string[]) {
    super('nats-server', port);
    this.#settings = settings;
  }

  /** @param settings lines of the configuration file, besides the listener and JetStream */
  static async start(settings: readonly string[] = []): Promise<NatsServer> {
    const [port = 0] = await freePorts(1);
    const server = new NatsServer(port, settings);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://${this.address}`;
  }

  get address(): string {
    return `${host}:${this.port}`;
  }

  protected configuration(): readonly string[] {
    return [`listen: "${this.address}"`, `jetstream { store_dir: "${this.directory}" }`, ...this.#settings];
  }
}
