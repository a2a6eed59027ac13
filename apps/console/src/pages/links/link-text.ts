import type { Link } from '../../api/types.ts';
import { absent } from '../../text/format.ts';

type Definition = Link['definition'];

/** The sum over QoS levels or reasons. */
export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The kind of a link, and the version of MQTT or the stream: `MQTT 5.0`, `JetStream SITES`. */
export function kindName(definition: Definition): string {
  if (definition === null) return absent;
  if (definition.kind === 'mqtt') return `MQTT ${definition.protocol}`;
  return `JetStream ${definition.jetstream?.stream ?? absent}`;
}

type Rule = NonNullable<Definition>['rules'][number];

/** The topics of a rule on both sides, in the direction of its messages. */
export function ruleTopics({
  direction,
  filter,
  localPrefix,
  remotePrefix,
}: Rule): readonly [string, string] {
  const [local, remote] = [localPrefix + filter, remotePrefix + filter];
  return direction === 'out' ? [local, remote] : [remote, local];
}

/** Reads a definition. Returns it, or a sentence about what is wrong. The member checks the fields. */
export function parseDefinition(text: string): object | string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? value
      : 'A definition is a JSON object.';
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}
