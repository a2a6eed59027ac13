import { z } from 'zod';

const mebibyte = 1024 * 1024;
const bytes = (defaultBytes: number) =>
  z
    .int()
    .min(4 * mebibyte)
    .default(defaultBytes);
/** A bound that does not hold by default: 0 disables it. */
const optional = z.int().min(0).default(0);

/** Bounds of the connections of one member, in addition to `mqtt.clientsMax`. */
const clientLimits = z
  .object({
    /**
     * Connections that have not authenticated. Beyond it the member closes the oldest ones of the address that holds
     * most. A higher bound costs 10 KB for each connection, with TLS more.
     */
    unauthenticatedMax: z.int().min(1).default(5_000),
    /**
     * Connections from one address (IPv6: from one network of 64 bits). A proxy without PROXY headers or a NAT makes
     * many clients share an address.
     */
    perAddressMax: optional,
    /** Connections of one user. */
    perUserMax: optional,
    /** New connections a second from one address, before TLS; at once five times this number. 0 sets no bound. */
    connectsPerSecondMax: z.int().min(0).default(1_000),
    /** Publishes a second of one client. The member reads a faster client more slowly. */
    publishesPerSecondMax: optional,
    /** Bytes of topics and payloads a second that one client publishes. */
    publishBytesPerSecondMax: optional,
    /** Bytes that all connections hold before their authentication. */
    unauthenticatedBytesMax: bytes(16 * mebibyte),
    /** Bytes of the incomplete packets of all clients. */
    unfinishedBytesMax: bytes(48 * mebibyte),
    /** Bytes of the QoS 2 publishes of all MQTT 3.1.1 clients that wait for the window. */
    heldBytesMax: bytes(32 * mebibyte),
    /** Bytes that wait in the outgoing buffers of all clients. */
    outgoingBytesMax: bytes(64 * mebibyte),
  })
  .prefault({});

/** Bounds of the resources of one member. */
export const limitSettings = z
  .object({
    /**
     * Bytes of log kept in memory and on disk before a snapshot compacts it. A higher bound costs memory and
     * restart time.
     */
    logBytesMax: z
      .int()
      .min(1_048_576)
      .default(32 * mebibyte),
    /**
     * Bytes of queued messages in memory; further messages are in files in the data directory. A higher bound costs
     * memory, and saves reads when sessions come back. 0: all messages are in files.
     */
    cacheBytesMax: z
      .int()
      .min(0)
      .default(16 * mebibyte),
    /** Bytes of degraded acknowledgements that one member stores. A higher bound costs memory and disk. */
    outboxBytesMax: z
      .int()
      .min(65_536)
      .default(64 * mebibyte),
    /**
     * Memory that the process may use, bytes. From 80 % on it rejects new clients, from 90 % on it also drops QoS 0
     * publishes. 0: the memory limit of the control group, or the memory of the host. Set it to the memory of the unit
     * or container, if the process cannot see that limit.
     */
    memoryBytesMax: z.int().min(0).default(0),
    clients: clientLimits,
  })
  .prefault({});
