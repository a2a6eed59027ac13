import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { IClientOptions, MqttClient } from 'mqtt';

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface MqttConnection {
  readonly client: MqttClient;
  readonly state: ReadonlySignal<ConnectionState>;
  /** Why the last attempt failed; empty after a success. */
  readonly error: ReadonlySignal<string>;
  readonly end: () => void;
}

const reconnectMs = 2_000;

/** The WebSocket of the member or the lab that this page was loaded from. */
export function mqttUrl({ protocol, host }: Pick<Location, 'protocol' | 'host'>): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/mqtt`;
}

/** Loads mqtt.js, which is not part of the first page, and opens a connection. */
export async function openMqtt(options: IClientOptions): Promise<MqttConnection> {
  const { default: mqtt } = await import('mqtt');
  const state = signal<ConnectionState>('connecting');
  const error = signal('');
  const client = mqtt.connect(mqttUrl(location), {
    reconnectPeriod: reconnectMs,
    // The default timer is a worker from a blob, which the Content-Security-Policy refuses.
    timerVariant: 'native',
    ...options,
  });
  client.on('connect', () => {
    state.value = 'connected';
    error.value = '';
  });
  client.on('reconnect', () => (state.value = 'reconnecting'));
  client.on('close', () => {
    if (state.value === 'connected') state.value = 'reconnecting';
  });
  client.on('error', (reason) => (error.value = reason.message || 'The connection failed.'));
  return {
    client,
    state,
    error,
    end: () => {
      state.value = 'closed';
      client.end(true);
    },
  };
}

/** Returns a client identifier that no other page uses. */
export function ownClientId(purpose: string): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `console-${purpose}-${random.toString(36)}`;
}
