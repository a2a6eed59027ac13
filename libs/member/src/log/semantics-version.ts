import { semanticsVersion } from '@mqtt-cluster/contracts';
import type { Batch } from '@mqtt-cluster/contracts';
import { createMqttState, decodeMqttState, encodeBatch } from '@mqtt-cluster/mqtt-state';
import type { CreateMqttState, DecodeMqttState } from '@mqtt-cluster/mqtt-state';

/**
 * The part of the program that depends on the semantics version of commands (docs/DESIGN.md, "The log and its
 * entries").
 */
export interface SemanticsVersion {
  /** The newest semantics version that the program supports. */
  readonly version: number;
  readonly createState: CreateMqttState;
  readonly decodeState: DecodeMqttState;
  /**
   * Encodes a batch. `finalised` is the version that all members support; the batch may use nothing newer.
   */
  encodeBatch(batch: Batch, finalised: number): Uint8Array;
}

export const currentSemantics: SemanticsVersion = {
  version: semanticsVersion,
  createState: createMqttState,
  decodeState: decodeMqttState,
  encodeBatch,
};
