import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { host, until } from '@mqtt-cluster/testing';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';

/** An MQTT connection that sends exactly the packets of the test and records the packets that it receives. */
export class RawClient {
  readonly received: Packet[] = [];
  readonly #socket: Socket;
  readonly #version: 4 | 5;

  private constructor(socket: Socket, version: 4 | 5) {
    this.#socket = socket;
    this.#version = version;
    const parse = parser({ protocolVersion: version });
    parse.on('packet', (packet: Packet) => this.received.push(packet));
    socket.on('data', (bytes: Buffer) => parse.parse(bytes));
    socket.on('error', () => undefined);
  }

  /** Opens the connection without sending a packet. */
  static async open(port: number, version: 4 | 5): Promise<RawClient> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new RawClient(socket, version);
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves when the client has received `count` packets of this type. */
  async got(cmd: Packet['cmd'], count = 1): Promise<void> {
    await until(() => this.received.filter((packet) => packet.cmd === cmd).length >= count);
  }

  async closed(): Promise<void> {
    await until(() => this.#socket.closed);
  }

  /** Resolves when the client has received SUBACK. */
  async subscribe(filter: string, qos: 0 | 1 | 2): Promise<void> {
    const before = this.received.filter(({ cmd }) => cmd === 'suback').length;
    this.send({ cmd: 'subscribe', messageId: before + 1, subscriptions: [{ topic: filter, qos }] });
    await this.got('suback', before + 1);
  }

  publish(topic: string, payload: string, qos: 0 | 1 | 2, messageId?: number, retain = false): void {
    const packet = { cmd: 'publish', topic, payload, qos, retain, dup: false } as const;
    this.send(messageId === undefined ? packet : { ...packet, messageId });
  }

  /** Closes the connection without DISCONNECT. */
  destroy(): void {
    this.#socket.destroy();
  }
}
