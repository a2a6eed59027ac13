import { linkDefinitionSchema, parseJsonText } from '@mqtt-cluster/contracts';
import type { LinkDefinition, LinkRule } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { filtersOverlap, isTopicFilter } from './topics/filters.ts';
import { shownTopic, topicFault } from './topics/topic-names.ts';
import { localFilter, remoteFilter } from './topics/topic-map.ts';
import { subjectFault } from './jetstream/subjects.ts';

/** Bytes of a topic name or filter [MQTT-4.7.3-3]. */
const topicBytesMax = 65_535;

/** A definition, or one sentence that says what is wrong with it. */
export type ParsedDefinition =
  | { readonly definition: LinkDefinition; readonly fault: null }
  | { readonly definition: null; readonly fault: string };

/** Parses the payload of the retained message of a link. */
export function parseDefinition(payload: Uint8Array): ParsedDefinition {
  let value: unknown;
  try {
    value = parseJsonText(payload);
  } catch (error) {
    return { definition: null, fault: (error as Error).message };
  }
  return parsedOf(value, definitionFault);
}

/** Checks a new definition: the shape, what its rules would do, and whether the server would create its stream. */
export function checkDefinition(value: unknown): ParsedDefinition {
  return parsedOf(value, (definition) => definitionFault(definition) ?? windowFault(definition));
}

function parsedOf(value: unknown, faultOf: (definition: LinkDefinition) => string | null): ParsedDefinition {
  const parsed = linkDefinitionSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = z.core.toDotPath(issue?.path ?? []);
    return {
      definition: null,
      fault: `${path === '' ? 'the definition' : path}: ${issue?.message ?? 'is not valid'}`,
    };
  }
  const fault = faultOf(parsed.data);
  return fault === null ? { definition: parsed.data, fault: null } : { definition: null, fault };
}

/** Only for new definitions: a stored one with this fault works if an operator has created the stream. */
function windowFault({ jetstream }: LinkDefinition): string | null {
  if (jetstream === undefined || jetstream.ageSecondsMax >= jetstream.duplicateWindowSeconds) return null;
  return (
    `jetstream: ageSecondsMax is ${jetstream.ageSecondsMax} and duplicateWindowSeconds ${jetstream.duplicateWindowSeconds}: ` +
    'the server creates no stream whose duplicate window is longer than the age of its messages'
  );
}

function definitionFault(definition: LinkDefinition): string | null {
  const {
    kind,
    rules,
    tls,
    username,
    passwordFile,
    addresses,
    jetstream,
    presence,
    ratePerSecondMax,
    keptAside,
  } = definition;
  if (kind === 'jetstream' && jetstream === undefined)
    return 'jetstream: a link of the kind jetstream needs the name of its stream (jetstream.stream)';
  if (kind === 'mqtt' && jetstream !== undefined) return 'jetstream: is only for the kind jetstream';
  if (kind === 'jetstream' && ratePerSecondMax !== undefined)
    return 'ratePerSecondMax: is only for the kind mqtt';
  if (kind === 'jetstream' && presence !== undefined) return 'presence: is only for the kind mqtt';
  const other = addresses.find((address) => /^(nats|tls):/.test(address) !== (kind === 'jetstream'));
  if (other !== undefined)
    return `addresses: ${other} is no address for the kind ${kind}, which needs ${kind === 'mqtt' ? 'mqtt, mqtts, ws or wss' : 'nats or tls'}`;
  if (passwordFile !== undefined && username === undefined)
    return 'passwordFile: a password needs a user name (username)';
  if ((tls?.cert === undefined) !== (tls?.key === undefined))
    return 'tls: must set key and cert together, or none of them';
  const plain = addresses.find((address) => !/^(mqtts|wss|tls):/.test(address));
  if (tls !== undefined && plain !== undefined) return `tls: the address ${plain} does not use TLS`;
  const presenceFault = presence === undefined ? null : presenceTopicFault(presence);
  if (presenceFault !== null) return `presence: ${presenceFault}`;
  const asideFault = keptAside === undefined ? null : keptAsideFault(keptAside, rules);
  if (asideFault !== null) return `keptAside: ${asideFault}`;
  for (const [position, rule] of rules.entries()) {
    const fault =
      ruleFault(rule) ?? (kind === 'jetstream' ? subjectRuleFault(rule) : loopFault(rule, definition));
    if (fault !== null) return `rule ${position + 1}: ${fault}`;
  }
  return null;
}

/** The topic of a mosquitto bridge (`notifications`). Brokers let each client publish to it. */
const bridgeStateTopic = /^\$SYS\/broker\/connection\/[^/+#\0]+\/state$/;

function presenceTopicFault(topic: string): string | null {
  const fault = bridgeStateTopic.test(topic) ? null : topicFault(topic);
  return fault === null
    ? null
    : `${shownTopic(topic)} is not a topic for it, because ${fault}; use a topic such as sites/north, or $SYS/broker/connection/NAME/state`;
}

function keptAsideFault(topic: string, rules: readonly LinkRule[]): string | null {
  const fault = topicFault(topic) ?? (topic.endsWith('/') ? 'it ends with /' : null);
  if (fault !== null)
    return `${shownTopic(topic)} is not a topic for it, because ${fault}; use a topic such as aside/plant`;
  return rules.some(({ direction }) => direction === 'out')
    ? null
    : 'only messages of rules with the direction out are kept aside';
}

function ruleFault(rule: LinkRule): string | null {
  for (const filter of [localFilter(rule), remoteFilter(rule)]) {
    if (!isTopicFilter(filter)) return `${filter} is not a topic filter`;
    if (Buffer.byteLength(filter) > topicBytesMax)
      return `a topic filter has more than ${topicBytesMax} bytes`;
    if (filter.startsWith('$share/')) return 'a shared subscription is not possible';
  }
  if (/[+#]/.test(rule.localPrefix + rule.remotePrefix)) return 'a prefix must have no wildcard';
  if (localFilter(rule).startsWith('$')) return 'topics of the cluster that begin with $ are not linked';
  if (rule.direction === 'out' && remoteFilter(rule).startsWith('$'))
    return 'the other broker accepts no topics that begin with $';
  return null;
}

function subjectRuleFault(rule: LinkRule): string | null {
  const filter = remoteFilter(rule);
  const fault = subjectFault(filter);
  return fault === null ? null : `${filter} has no subject in NATS: ${fault}`;
}

/**
 * Returns the loop that a rule would make, or null. No Local (5.0) and the bridge bit (3.1.1) keep a broker from returning
 * messages to the link. Without them, a message that goes out must not match a rule for messages that come in.
 */
function loopFault(rule: LinkRule, { rules, protocol, bridge }: LinkDefinition): string | null {
  if (protocol === '5.0' || bridge || rule.direction === 'in') return null;
  const other = rules.findIndex(
    (each) => each.direction === 'in' && filtersOverlap(remoteFilter(each), remoteFilter(rule)),
  );
  if (other < 0) return null;
  return (
    `would loop with rule ${other + 1}: the other broker returns the messages of ${remoteFilter(rule)}, ` +
    'because the connection is not marked as that of a bridge (protocol 5.0, or bridge: true)'
  );
}
