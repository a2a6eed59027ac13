import type { ClientStream, TlsOptions } from '@mqtt-cluster/failover-client';
import { openStream } from '@mqtt-cluster/failover-client/transport';
import { generate, parser } from 'mqtt-packet';
import type { IConnackPacket, IConnectPacket, Packet } from 'mqtt-packet';
import { PacketFrames, webSocketMessageBytesMax } from './packet-frames.ts';
import type { SkippedPublish } from './packet-frames.ts';
import { PacedReads } from './paced-reads.ts';
import { PacedWrites } from './paced-writes.ts';
import { MalformedPacket } from './properties.ts';
import { isBridge } from './connect-packet.ts';
import type { RemoteEnd } from '../link/fruitless-connections.ts';
import { failureText, reasonText, refusalOf, unacceptableProtocolVersion } from './reasons.ts';

/** Time for the connection and the CONNACK, ms. */
const connectMsMax = 5_000;
/** Bytes that wait in the socket. Beyond it, messages of QoS 0 are dropped. */
const waitingBytesMax = 1024 * 1024;
/**
 * Reason codes of DISCONNECT that a message may be the cause of. The others, such as 0x8B (the server shuts down), say
 * nothing about the message.
 */
const messageFaults: ReadonlySet<number> = new Set([
  0x80, 0x81, 0x82, 0x83, 0x87, 0x90, 0x94, 0x95, 0x99, 0x9a, 0x9b,
]);
/** Bytes by which a packet other than PUBLISH may exceed the bound: it contains no message. */
const otherPacketBytes = 128 * 1024;

/** Reason code of a DISCONNECT after which the will is published (MQTT 5.0, 3.14.2.1). */
const disconnectWithWill = 0x04;

interface EndOptions {
  readonly endsSession?: boolean;
  readonly deletesWill?: boolean;
}

export interface RemoteConnectionOptions {
  readonly url: string;
  readonly tls: TlsOptions;
  readonly connect: IConnectPacket;
  readonly keepAliveMs: number;
  readonly packetBytesMax: number;
  readonly onConnected: (connack: IConnackPacket) => void;
  readonly onPacket: (packet: Packet) => void;
  /** The other broker has sent a PUBLISH above the bound. It needs an acknowledgement like others. */
  readonly onSkipped: (publish: SkippedPublish) => void;
  /** The connection has failed or ended. Not called after {@link RemoteConnection.end}. */
  readonly onClosed: (reason: string, end: RemoteEnd) => void;
}

/** One connection to another broker. It sends and receives packets, and ends when the other broker is silent. */
export class RemoteConnection {
  readonly #options: RemoteConnectionOptions;
  readonly #stream: ClientStream;
  readonly #version: 4 | 5;
  readonly #writes: PacedWrites;
  readonly #reads: PacedReads;
  readonly #connectTimer: NodeJS.Timeout;
  #pingTimer: NodeJS.Timeout | null = null;
  #isConnected = false;
  #isEnded = false;
  /** Intervals of half a keep-alive without a byte of the other broker, and without one that it has received late. */
  #silentIntervals = 0;
  /** Bytes that had passed at the last check, if others waited then. */
  #passedBefore: number | null = null;

  constructor(options: RemoteConnectionOptions) {
    this.#options = options;
    this.#version = options.connect.protocolVersion === 5 ? 5 : 4;
    this.#stream = openStream(options.url, options.tls, webSocketMessageBytesMax);
    this.#writes = new PacedWrites(this.#stream);
    const packets = parser({ protocolVersion: this.#version });
    packets.on('packet', (packet) => {
      if (!this.#isEnded) this.#onPacket(packet);
    });
    packets.on('error', (error: Error) =>
      this.#fail(`the other broker sent a malformed packet: ${error.message}`),
    );
    const frames = new PacketFrames({
      publishBytesMax: options.packetBytesMax,
      otherBytesMax: options.packetBytesMax + otherPacketBytes,
      onBytes: (bytes) => packets.parse(bytes),
      onSkipped: (publish) => this.#onSkipped(publish),
      onFault: (text) => this.#fail(text),
    });
    this.#reads = new PacedReads(this.#stream, (bytes) => {
      this.#silentIntervals = 0;
      frames.read(bytes);
    });
    this.#stream.on('error', (error: NodeJS.ErrnoException) =>
      this.#fail(
        failureText(error),
        error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'reset' : 'other',
      ),
    );
    // The bytes that wait may end with a DISCONNECT, which says why.
    this.#stream.on('close', () => this.#reads.whenPassed(() => this.#onClose()));
    this.#connectTimer = setTimeout(() => this.#fail('the other broker does not answer'), connectMsMax);
    this.#write(options.connect);
  }

  /** True if the socket has no room for messages that may be dropped. */
  get isSlow(): boolean {
    return this.#writes.waitingBytes > waitingBytesMax;
  }

  /** A broker that does not know the bridge bit takes it for a version of MQTT, and closes or refuses the connection. */
  get #bridgeHint(): string {
    return isBridge(this.#options.connect) ? '; if it knows no bridges, set "bridge" to false' : '';
  }

  send(packet: Packet): void {
    if (!this.#isEnded) this.#write(packet);
  }

  /**
   * Closes the connection, after DISCONNECT where this does not delete a will that the other broker must publish.
   * @param deletesWill the other broker does not publish the will
   */
  end({ endsSession = false, deletesWill = false }: EndOptions = {}): void {
    if (this.#isEnded) return;
    this.#stop();
    if (!this.#isConnected) return void this.#stream.destroy();
    const keepsWill = !deletesWill && this.#options.connect.will !== undefined;
    const is5 = this.#version === 5;
    // DISCONNECT of MQTT 3.1.1 always deletes the will [MQTT-3.14.4-3].
    if (is5 || !keepsWill)
      this.#write({
        cmd: 'disconnect',
        ...(is5 && keepsWill && { reasonCode: disconnectWithWill }),
        ...(is5 && endsSession && { properties: { sessionExpiryInterval: 0 } }),
      });
    this.#writes.end();
    // A broker that does not close its side must not keep the socket.
    setTimeout(() => this.#stream.destroy(), connectMsMax).unref();
  }

  #onSkipped(publish: SkippedPublish): void {
    if (this.#isEnded) return;
    if (!this.#isConnected) return this.#fail('the other broker sent a packet before CONNACK');
    this.#options.onSkipped(publish);
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === 'connack') return this.#onConnack(packet);
    if (!this.#isConnected) return this.#fail('the other broker sent a packet before CONNACK');
    if (packet.cmd === 'pingresp') return;
    if (packet.cmd === 'disconnect') return this.#onDisconnect(packet.reasonCode ?? 0);
    try {
      this.#options.onPacket(packet);
    } catch (error) {
      // What another broker sends must end no more than this connection.
      const text = (error as Error).message;
      this.#fail(
        error instanceof MalformedPacket
          ? `the other broker sent a malformed packet: ${text}`
          : `a packet of the other broker (${packet.cmd}) could not be handled: ${text}`,
      );
    }
  }

  #onClose(): void {
    const hint = this.#isConnected ? '' : this.#bridgeHint;
    this.#fail(`the other broker closed the connection${hint}`, 'closed');
  }

  #onDisconnect(reasonCode: number): void {
    const end = messageFaults.has(reasonCode) ? 'closed' : 'other';
    this.#fail(`the other broker closed the connection: ${reasonText(reasonCode)}`, end);
  }

  #onConnack(packet: IConnackPacket): void {
    if (this.#isConnected) return this.#fail('the other broker sent a second CONNACK');
    const refusal = refusalOf(packet);
    if (refusal !== null) {
      const hint = packet.returnCode === unacceptableProtocolVersion ? this.#bridgeHint : '';
      return this.#fail(`the other broker refused the connection: ${refusal}${hint}`);
    }
    this.#isConnected = true;
    clearTimeout(this.#connectTimer);
    const serverKeepAlive = packet.properties?.serverKeepAlive;
    const keepAliveMs = Math.min(
      this.#options.keepAliveMs,
      serverKeepAlive === undefined || serverKeepAlive === 0 ? Infinity : serverKeepAlive * 1_000,
    );
    this.#pingTimer = setInterval(() => this.#checkSilence(), keepAliveMs / 2);
    this.#options.onConnected(packet);
  }

  /**
   * Sends PINGREQ twice in each keep-alive. Without any byte for two intervals, the other broker is gone. Bytes that had to
   * wait and have passed count too: then TCP has received acknowledgements, and PINGREQ waits behind other bytes.
   */
  #checkSilence(): void {
    const { waitingBytes, passedBytes } = this.#writes;
    if (this.#passedBefore !== null && passedBytes > this.#passedBefore) this.#silentIntervals = 0;
    this.#passedBefore = waitingBytes > 0 ? passedBytes : null;
    if (this.#silentIntervals++ >= 2) return this.#fail('the other broker does not answer');
    this.#write({ cmd: 'pingreq' });
  }

  /** A packet that cannot be encoded ends this connection, and not the process. */
  #write(packet: Packet): void {
    let bytes: Buffer;
    try {
      bytes = generate(packet, { protocolVersion: this.#version });
    } catch (error) {
      return this.#fail(`a packet (${packet.cmd}) cannot be encoded: ${(error as Error).message}`, 'closed');
    }
    this.#writes.write(bytes);
  }

  #fail(reason: string, end: RemoteEnd = 'other'): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#stream.destroy();
    this.#options.onClosed(reason, end);
  }

  #stop(): void {
    this.#isEnded = true;
    this.#reads.end();
    clearTimeout(this.#connectTimer);
    if (this.#pingTimer !== null) clearInterval(this.#pingTimer);
  }
}
