import { z } from 'zod';
import type { Decoded } from './schema.ts';

/**
 * Prefix of the topics of the definitions of links: a retained message holds the JSON {@link LinkDefinition} of the link.
 * Clients may neither publish nor subscribe to topics below `$cluster/`, so only members write them.
 */
export const linkTopicPrefix = '$cluster/links/';

/** Bounds on links. More links cost one session and one connection each. */
export const linksMax = 50;
const rulesMax = 50;
const addressesMax = 10;
const textLengthMax = 1_000;
/** The largest packet that a client may send to a member. */
const packetBytesHighest = 1_048_576;
/** Unacknowledged messages of one connection of a member. */
const inFlightHighest = 100;
const hopsHighest = 8;
/** The highest bound on the rate of a link: above what one connection sends. */
export const linkRateHighest = 100_000;

export const linkNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 characters of a-z 0-9 -, and not begin with -');

const text = z.string().min(1).max(textLengthMax);
const prefix = z.string().max(textLengthMax).default('');

/** A name without a folder: the file is in the folder of the setting `links.directory` of the member. */
const fileName = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/, 'must be the name of a file without a folder');

const address = z
  .string()
  .max(textLengthMax)
  .regex(
    /^(mqtt|mqtts|ws|wss|nats|tls):\/\/[^\s@/?#]+(\/[^\s@]*)?$/,
    'must be mqtt://host:port (or mqtts, ws, wss), or nats://host:port (or tls) for JetStream, without a user',
  )
  .refine((url) => URL.canParse(url), 'must be a URL such as mqtt://broker.example:1883');

/**
 * One rule of a link. `localPrefix` + `filter` is the topic filter in the cluster, and `remotePrefix` + `filter` the one at
 * the other broker. A message gets the other prefix on its way. The first rule that matches a message counts.
 */
export const linkRuleSchema = z.strictObject({
  /** `out`: from the cluster to the other broker. `in`: from the other broker to the cluster. */
  direction: z.enum(['out', 'in']),
  filter: text,
  localPrefix: prefix,
  remotePrefix: prefix,
  /** The greatest QoS of a message of this rule. */
  qosMax: z.literal([0, 1, 2]).default(1),
  /**
   * `no`: the other side retains no message of this rule. `live`: messages keep their RETAIN flag, and a new rule begins
   * with the retained messages.
   */
  retained: z.enum(['no', 'live']).default('no'),
});

export type LinkRule = Decoded<typeof linkRuleSchema>;

/** The stream of a link to NATS JetStream. */
const jetstreamSchema = z.strictObject({
  /** Name of the stream. The link creates it if it does not exist. */
  stream: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 characters of A-Z a-z 0-9 _ and -'),
  /** Servers that store each message. A stream that exists must have as many. */
  replicas: z.int().min(1).max(5).default(3),
  /**
   * Time for which the server drops repetitions, seconds. A stream that exists must have at least this time. A longer
   * one needs more memory in the server.
   */
  duplicateWindowSeconds: z.int().min(60).max(86_400).default(3_600),
  /** Bounds of a stream that the link creates. The server deletes its oldest messages beyond them. */
  ageSecondsMax: z
    .int()
    .min(60)
    .max(366 * 86_400)
    .default(7 * 86_400),
  bytesMax: z
    .int()
    .min(1_048_576)
    .max(2 ** 50)
    .default(1024 ** 3),
  /** Where a link that has never run begins to read: with new messages, or with all messages of the stream. */
  start: z.enum(['new', 'all']).default('new'),
  /** True: the servers sync each message before they acknowledge it. Otherwise the link warns that they do not. */
  syncsAlways: z.boolean().default(false),
});

/** A link to another broker. It contains no secret: credentials are in files of the members. */
export const linkDefinitionSchema = z.strictObject({
  /** `mqtt`: another MQTT broker. `jetstream`: a stream of NATS JetStream; the fields of MQTT then have no effect. */
  kind: z.enum(['mqtt', 'jetstream']).default('mqtt'),
  /** Only for the kind `jetstream`, which needs it. */
  jetstream: jetstreamSchema.exactOptional(),
  /** URLs of the other broker. The link tries them in turn. */
  addresses: z.array(address).min(1).max(addressesMax),
  protocol: z.enum(['3.1.1', '5.0']).default('5.0'),
  /**
   * With MQTT 3.1.1: marks the connection as that of a bridge, so that mosquitto returns no message to the link. Set false
   * for a broker that refuses such a connection.
   */
  bridge: z.boolean().default(true),
  /** Client id at the other broker. Default: `mqtt-cluster-` and the name of the link. */
  clientId: text.exactOptional(),
  username: text.exactOptional(),
  /** File whose first line is the password. */
  passwordFile: fileName.exactOptional(),
  /** Files (PEM) for `mqtts`, `wss` and `tls`. */
  tls: z
    .strictObject({
      ca: fileName.exactOptional(),
      cert: fileName.exactOptional(),
      key: fileName.exactOptional(),
      /** The name in the certificate of the other broker, if it is not the host of the address. */
      serverName: text.exactOptional(),
    })
    .exactOptional(),
  /** The link treats the other broker as gone after this time without a packet. */
  keepAliveSeconds: z.int().min(2).max(600).default(10),
  /** Messages without an acknowledgement of the other broker. A higher value gives more throughput. */
  inFlightMax: z.int().min(1).max(inFlightHighest).default(inFlightHighest),
  /**
   * Only for the kind `mqtt`: messages that the link sends to the other broker in a second. A lower value fills the queue of
   * the link earlier. Default: no bound. The field is absent then, so that older versions accept such definitions.
   */
  ratePerSecondMax: z.int().min(1).max(linkRateHighest).exactOptional(),
  /** The largest packet in both directions. A larger message is dropped and counted. */
  packetBytesMax: z
    .int()
    .min(1_024)
    .max(packetBytesHighest)
    .default(256 * 1024),
  /**
   * A message that has passed this number of links passes this one in neither direction. 1: only messages of clients pass it.
   */
  hopsMax: z.int().min(1).max(hopsHighest).default(1),
  /**
   * Only for the kind `mqtt`: topic of a retained message at the other broker, which is `1` while this cluster is connected
   * through the link and `0` otherwise.
   */
  presence: text.exactOptional(),
  /**
   * Topic below which the cluster keeps copies of QoS 1 and 2 messages that the other end does not accept. A copy has the topic
   * `keptAside/TOPIC`, and user properties with the name of the link and the reason. Without the field there are no copies.
   */
  keptAside: text.exactOptional(),
  /** True: no member runs the link. Its messages wait in the cluster. */
  paused: z.boolean().default(false),
  rules: z.array(linkRuleSchema).min(1).max(rulesMax),
});

export type LinkDefinition = Decoded<typeof linkDefinitionSchema>;
