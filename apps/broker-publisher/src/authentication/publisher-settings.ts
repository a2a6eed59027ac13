import { z } from 'zod';
import { isTlsKind, listenerKinds } from '../listeners/listener-settings.ts';

/** The settings `publisher`. */
export const publisherSettings = z
  .object({
    /** Messages per second at each QoS level; 0 disables the publisher. */
    rate: z.number().min(0).max(10_000).default(1),
    /** Name of the publisher group. Several members may share a group; one of them publishes. */
    group: z.string().max(64).default(''),
    /**
     * User as which the publisher connects to listeners of the members. Without a user and without `tls.cert` it connects to
     * its own member inside the process, as `$publisher`, for which no rule applies.
     */
    username: z.string().default(''),
    /**
     * File with the password of that user, or with a token (JWT), in its first line. The publisher reads the file before
     * each connection, so a renewed token is used.
     */
    passwordFile: z.string().default(''),
    /**
     * Kind of the listeners to which the publisher connects with a user or a certificate. The URLs are those of the setting
     * `urls` with this kind, otherwise that of this member.
     */
    listenerKind: z.enum(listenerKinds).default('tcp'),
    /** Paths of PEM files for the kinds tls and wss. Changed files are used for new connections. */
    tls: z
      .object({
        /** Authorities that sign the certificates of the listeners. Empty: the authorities of Node. */
        ca: z.string().default(''),
        /** Client certificate of the publisher, and its key. Both or none of them. */
        cert: z.string().default(''),
        key: z.string().default(''),
      })
      .check(({ value: { cert, key }, issues }) => {
        if ((cert === '') === (key === '')) return;
        const [given, missing] = key === '' ? ['cert', 'key'] : ['key', 'cert'];
        const message = `must be set, because publisher.tls.${given} is set: a certificate and its key need each other`;
        issues.push({ code: 'custom', message, input: missing, path: [missing!] });
      })
      .prefault({}),
  })
  .check(({ value, issues }) => {
    const { username, passwordFile, listenerKind, tls } = value;
    const add = (message: string, path: readonly string[]): void => {
      issues.push({ code: 'custom', message, input: value, path: [...path] });
    };
    if ((username === '') !== (passwordFile === ''))
      add('must set username and passwordFile together, or none of them', []);
    if (!isTlsKind(listenerKind) && (tls.ca !== '' || tls.cert !== ''))
      add('must be tls or wss, because publisher.tls is set', ['listenerKind']);
    if (listenerKind !== 'tcp' && username === '' && tls.cert === '')
      add(
        'must be set only with publisher.username or publisher.tls.cert: the publisher would connect inside the process',
        ['listenerKind'],
      );
  });
