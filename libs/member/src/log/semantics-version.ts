import { semanticsVersion } from '@mqtt-cluster/contracts';
import type { Batch } from '@mqtt-cluster/contracts';
import { createMqttState, decodeMqttState, encodeBatch } from '@mqtt-cluster/mqtt-state';
import type { CreateMqttState, DecodeMqttState } from '@mqtt-cluster/mqtt-state';

/** What one version of the program knows of the commands' meaning (design, section 4: rolling upgrade and rollback). */
export interface SemanticsVersion {
  /** The newest meaning that it knows. */
  readonly version: number;
  readonly createState: CreateMqttState;
  readonly decodeState: DecodeMqttState;
  /** `finalised`: the meaning that all members know; nothing newer may be written. */
  encodeBatch(batch: Batch, finalised: number): Uint8Array;
}

export const currentSemantics: SemanticsVersion = {
  version: semanticsVersion,
  createState: createMqttState,
  decodeState: decodeMqttState,
  encodeBatch,
};
