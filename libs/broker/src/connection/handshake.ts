import { shortened } from '@mqtt-cluster/contracts';
import type { ClientEffect } from '@mqtt-cluster/contracts';
import { brokerMetrics } from '@mqtt-cluster/metric-catalogue';
import type { ByteReader } from '../codec/byte-reader.ts';
import { decodeConnect } from '../codec/decode-connect.ts';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import { encodeConnack } from '../codec/encode-control.ts';
import type { FrameReader } from '../codec/frame-reader.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import type { BrokerContext } from '../context.ts';
import {
  anonymousIdentity,
  authenticate,
  authenticationFault,
  bridgeSessionExpiry,
  clientIdOf,
  connectFault,
  connectRequest,
  serverKeepAlive,
} from './admission.ts';
import { ClientAccess } from './client-access.ts';
import type { OpenEffect } from './effects.ts';
import type { Lifecycle } from './lifecycle.ts';
import { pauseReasons } from '../flow-control/read-gate.ts';
import type { ReadGate } from '../flow-control/read-gate.ts';
import { refusalLabelOfCode } from './reasons.ts';
import type { SocketWriter } from '../flow-control/socket-writer.ts';

/** Characters of a rejected client identifier that logs and events contain. */
const reportedIdLengthMax = 256;

type ConnackEffect = Extract<ClientEffect, { kind: 'connack' }>;

interface HandshakeParts {
  readonly lifecycle: Lifecycle;
  readonly frames: FrameReader;
  readonly gate: ReadGate;
  readonly writer: SocketWriter;
  readonly context: BrokerContext;
}

interface HandshakeEvents {
  /** The client is authenticated. Resolves with false if the connection has ended. */
  onAuthenticated(user: string | undefined): Promise<boolean>;
  /** The member has received the connect request. */
  onRequested(packet: ConnectPacket): void;
  /** The client is connected. Called before the guard writes CONNACK. */
  onOpen(packet: ConnectPacket): void;
  /**
   * Passes on an effect that the member emitted after it accepted the client and before CONNACK was written.
   */
  onEarlyEffect(effect: OpenEffect): void;
}

/**
 * Performs the connect sequence of one client. The connection drops the object when the client is connected.
 *
 * 1. The guard decodes and checks CONNECT, and pauses the socket.
 * 2. The guard authenticates the client, perhaps in a later turn, and passes the connect request to the member.
 * 3. The member accepts or rejects the client.
 * 4. Aedes runs its connect sequence for an accepted client, perhaps in a later turn, until it would register the
 *    client and send CONNACK. The guard sends CONNACK instead, with the member's session present flag, and Aedes forgets
 *    the client. So the objects of Aedes live for a moment, not for as long as the log needs, and the garbage collector
 *    never moves them.
 */
export class Handshake {
  readonly #lifecycle: Lifecycle;
  readonly #frames: FrameReader;
  readonly #gate: ReadGate;
  readonly #writer: SocketWriter;
  readonly #context: BrokerContext;
  readonly #events: HandshakeEvents;
  #startedAtMs = 0;
  #sessionPresent = false;
  /** The Session Expiry Interval that the member granted, if it differs from the requested one. */
  grantedExpirySeconds: number | undefined = undefined;
  /** CONNECT of an acceptable client. */
  #packet: ConnectPacket | null = null;
  #earlyEffects: OpenEffect[] = [];

  constructor({ lifecycle, frames, gate, writer, context }: HandshakeParts, events: HandshakeEvents) {
    this.#lifecycle = lifecycle;
    this.#frames = frames;
    this.#gate = gate;
    this.#writer = writer;
    this.#context = context;
    this.#events = events;
  }

  /** @throws PacketError or UnsupportedProtocolError */
  onConnect(reader: ByteReader): void {
    const lifecycle = this.#lifecycle;
    const packet = decodeConnect(
      reader,
      (version) => {
        lifecycle.version = version;
        this.#frames.strictLength = version === 5;
      },
      (bytes) => (lifecycle.packetBytesMax = bytes),
    );
    const fault = connectFault(packet, lifecycle.origin, this.#context);
    if (fault !== null) {
      lifecycle.client = shortened(packet.client, reportedIdLengthMax);
      const label = fault === reasonCodes.quotaExceeded ? 'memory' : refusalLabelOfCode(fault);
      return lifecycle.reject(fault, label);
    }
    this.#startedAtMs = performance.now();
    this.#packet = packet;
    lifecycle.startConnecting(clientIdOf(packet));
    this.#gate.pause(pauseReasons.connecting);
    this.#context.connects.add(() => {
      if (lifecycle.phase !== 'connecting') return false;
      void this.#authenticate(packet);
      return true;
    });
  }

  #openAedes(packet: ConnectPacket): void {
    const lifecycle = this.#lifecycle;
    lifecycle.aedes = this.#context.aedes.openConnection(lifecycle.id, {
      onAccepted: () => this.#onAccepted(packet),
      onClosed: () => lifecycle.onAedesClosed(),
    });
  }

  async #authenticate(packet: ConnectPacket): Promise<void> {
    const lifecycle = this.#lifecycle;
    const { id, client, origin } = lifecycle;
    const { options, refusals, limits } = this.#context;
    // The version is read first: a change during the authentication leads to a check of the accepted client.
    const version = options.access?.version ?? 0;
    const result = await authenticate(packet, client, origin, this.#context);
    if (lifecycle.phase !== 'connecting') return;
    if (!result.accepted) {
      const identity = anonymousIdentity(client, origin);
      const fault = authenticationFault(packet, result.reason);
      // The user name is left out, because people sometimes enter a password as user name.
      refusals.report('connect', { identity }, { reason: result.reason });
      return lifecycle.reject(fault, refusalLabelOfCode(fault));
    }
    lifecycle.user = result.subject.identity.user;
    const access = new ClientAccess(result.subject, options.access, packet.will, version);
    if (!access.mayPublishWill) {
      refusals.report('will', result.subject, { topic: packet.will?.topic });
      return lifecycle.reject(reasonCodes.notAuthorized, 'not_authorized', 'the will is not permitted');
    }
    if (!(await this.#events.onAuthenticated(result.subject.identity.user))) return;
    lifecycle.access = access;
    lifecycle.atMember = true;
    this.#context.port.input(id, {
      kind: 'connect',
      request: connectRequest(packet, client, limits, access.connectionAccess()),
    });
    this.#events.onRequested(packet);
  }

  /** The member has accepted the client. Aedes comes next, or in a later turn if many clients wait. */
  onMemberAcceptance({ sessionPresent, sessionExpirySeconds }: ConnackEffect): void {
    this.#sessionPresent = sessionPresent;
    this.grantedExpirySeconds = sessionExpirySeconds;
    this.#context.acceptances.add(() => {
      if (this.#lifecycle.phase !== 'connecting' || this.#packet === null) return false;
      this.#openAedes(this.#packet);
      return true;
    });
  }

  /** Keeps an effect until CONNACK is written, because no packet may precede CONNACK [MQTT-3.2.0-1]. */
  defer(effect: OpenEffect): void {
    this.#earlyEffects.push(effect);
  }

  #onAccepted(packet: ConnectPacket): void {
    const lifecycle = this.#lifecycle;
    lifecycle.aedes = null;
    if (lifecycle.phase !== 'connecting') return;
    const connack = encodeConnack(lifecycle.version, this.#sessionPresent, {
      limits: this.#context.limits,
      packetBytesMax: lifecycle.packetBytesMax,
      assignedClient: packet.client.length > 0 ? undefined : lifecycle.client,
      serverKeepAlive: serverKeepAlive(packet, this.#context.limits),
      sessionExpiryInterval: this.grantedExpirySeconds ?? bridgeSessionExpiry(packet, this.#context.limits),
    });
    if (connack === null) return lifecycle.closeWithoutConnack();
    // The rules may have changed since the authentication.
    if (lifecycle.access?.lostRight()) {
      const discardWill = { graceful: true };
      return lifecycle.fail(
        reasonCodes.notAuthorized,
        'not_authorized',
        'the client lost a right',
        discardWill,
      );
    }
    lifecycle.open();
    this.#count();
    this.#events.onOpen(packet);
    this.#writer.writeImmediately(connack);
    for (const effect of this.#earlyEffects) this.#events.onEarlyEffect(effect);
    this.#earlyEffects = [];
    this.#writer.uncork();
    this.#gate.resume(pauseReasons.connecting);
  }

  #count(): void {
    const { counters, metrics } = this.#context;
    counters.connectionsAccepted++;
    counters.connects[this.#lifecycle.version]++;
    const seconds = (performance.now() - this.#startedAtMs) / 1_000;
    metrics.observe(brokerMetrics.sessionOpenSeconds, [this.#sessionPresent ? 'present' : 'new'], seconds);
  }
}
