import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { startTls } from '@mqtt-cluster/kit';
import { encodeConnect, encodeDisconnect, encodeSubscribe, packetTypes, PacketScanner } from '../wire.ts';
import type { OnPacket } from '../wire.ts';
import type { Endpoint } from './load.ts';

const answerMsMax = 15_000;

/** One MQTT connection of the generator. The caller writes encoded packets to its socket. */
export class RawClient {
  readonly socket: Socket;
  readonly #scanner: PacketScanner;
  #onPacket: OnPacket = () => {};
  #failed: (error: Error) => void = () => {};
  #awaited: { readonly type: number; readonly resolve: (code: number) => void } | null = null;
  #closing = false;

  private constructor(socket: Socket, onFailure: (error: Error) => void) {
    this.socket = socket;
    this.#failed = onFailure;
    this.#scanner = new PacketScanner((first, bytes, start, end) => {
      const awaited = this.#awaited;
      if (awaited !== null && first >> 4 === awaited.type) {
        this.#awaited = null;
        awaited.resolve(bytes[end - 1]!);
      } else this.#onPacket(first, bytes, start, end);
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#scanner.push(chunk));
    socket.on('error', (error) => this.#failed(error));
    socket.on('close', () => {
      if (!this.#closing) this.#failed(new Error('the broker closed a connection'));
    });
  }

  /**
   * Opens a connection.
   * @param onFailure called with each error
   * @param onPacket called with each packet that is not awaited, from CONNACK on
   * @throws Error when the broker rejects the client or sends no CONNACK in time
   */
  static async open(
    endpoint: Endpoint,
    id: string,
    clean: boolean,
    onFailure: (error: Error) => void,
    onPacket?: (client: RawClient, ...packet: Parameters<OnPacket>) => void,
  ): Promise<RawClient> {
    const { host, port, access, from } = endpoint;
    const tcp = connect({ host, port, noDelay: true, ...(from && { localAddress: from }) });
    const socket = access === undefined ? tcp : startTls(tcp, host, access);
    let rejectOpening: (error: Error) => void = () => {};
    const failed = new Promise<never>((_resolve, reject) => (rejectOpening = reject));
    failed.catch(() => undefined);
    const client = new RawClient(socket, (error) => {
      rejectOpening(error);
      onFailure(error);
    });
    if (onPacket !== undefined) client.onPackets((...packet) => onPacket(client, ...packet));
    try {
      const code = client.#answer(packetTypes.connack);
      socket.write(encodeConnect(id, clean));
      const returned = await Promise.race([code, failed]);
      if (returned !== 0) throw new Error(`CONNACK with code ${returned}`);
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  async subscribe(filter: string, qos: 0 | 1 | 2): Promise<void> {
    const code = this.#answer(packetTypes.suback);
    this.socket.write(encodeSubscribe(1, filter, qos));
    const granted = await code;
    if (granted !== qos)
      throw new Error(`SUBSCRIBE to ${filter} with QoS ${qos}: the broker granted ${granted}`);
  }

  onPackets(onPacket: OnPacket): void {
    this.#onPacket = onPacket;
  }

  close(): void {
    this.#closing = true;
    this.socket.end(encodeDisconnect());
  }

  destroy(): void {
    this.#closing = true;
    this.socket.destroy();
  }

  #answer(type: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no response from the broker in ${answerMsMax / 1_000} s`)),
        answerMsMax,
      );
      const awaited = {
        type,
        resolve: (code: number): void => {
          clearTimeout(timer);
          resolve(code);
        },
      };
      this.#awaited = awaited;
    });
  }
}
