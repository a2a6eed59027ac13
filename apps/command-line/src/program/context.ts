import { chooseServer } from '../connection/choose-server.ts';
import { Connection } from '../connection/connection.ts';
import { authorizationFor } from '../connection/credentials.ts';
import type { CredentialOptions } from '../connection/credentials.ts';
import { createFetch } from '../connection/node-fetch.ts';
import { tlsFilesOf } from '../connection/tls-files.ts';
import type { Environment } from './environment.ts';
import { printable } from '../text/printable.ts';
import { CommandError, UsageError } from './errors.ts';
import type { HostConnection, MemberHost } from './member-host.ts';
import { Output } from './output.ts';
import type { Streams } from './output.ts';

/** Options of every command. */
export interface GlobalOptions extends CredentialOptions {
  readonly server?: readonly string[];
  /** The former name of `server` in the program of the appliance. */
  readonly url?: readonly string[];
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly json?: boolean;
  /** Seconds. */
  readonly wait: number;
}

const serverDefault = 'http://127.0.0.1:9100';
const retryMs = 500;

interface ContextOptions {
  readonly streams: Streams;
  readonly environment: Environment;
  readonly host: MemberHost | null;
}

/** What a command works with: its output, and the connection to a server. */
export class Context {
  readonly output: Output;
  readonly #options: GlobalOptions;
  readonly #environment: Environment;
  readonly #host: MemberHost | null;

  constructor(options: GlobalOptions, { streams, environment, host }: ContextOptions) {
    this.#options = options;
    this.#environment = environment;
    this.#host = host;
    this.output = new Output(streams, options.json === true);
  }

  /** Chooses the server and reads the credentials. @throws CommandError */
  async connect(): Promise<Connection> {
    const options = this.#options;
    const given = [...(options.server ?? []), ...(options.url ?? [])];
    const servers = serversOf(given, this.#environment);
    const onHost = this.#onHost(servers.length > 0);
    const tls = tlsFilesOf(options);
    const fetch = createFetch(tls);
    const server = await chooseServer(
      servers.length > 0 ? servers : [onHost?.server ?? serverDefault],
      fetch,
    );
    const own = onHost && { defaultTokenFile: onHost.tokenFile, ownServer: onHost.server };
    const credentials = { ...options, ...own };
    const authorization = await authorizationFor(server, credentials, this.#environment);
    return new Connection(server, authorization, fetch, tls.cert !== undefined);
  }

  /**
   * Returns the connection in the configuration of the member of this host.
   *
   * @param isOptional whether the command also works with an invalid configuration, because it names a server
   */
  #onHost(isOptional: boolean): HostConnection | null {
    if (this.#host === null || (isOptional && this.#options.tokenFile !== undefined)) return null;
    try {
      return this.#host.connection();
    } catch (error) {
      if (isOptional && error instanceof CommandError) return null;
      throw error;
    }
  }

  /**
   * Repeats a check every 500 ms until it returns a value, at most for the time `--wait`.
   *
   * @param check returns the result, or the progress in words
   * @throws CommandError after the time, with the last progress
   */
  async waitFor<T>(check: () => Promise<{ done: T } | { progress: string }>): Promise<T> {
    const deadline = performance.now() + this.#options.wait * 1_000;
    let reported = '';
    for (;;) {
      const state = await check();
      if ('done' in state) return state.done;
      if (state.progress !== reported) this.output.note(state.progress);
      reported = state.progress;
      if (performance.now() >= deadline)
        throw new CommandError(`not finished after ${this.#options.wait} s: ${state.progress}`);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  /** Repeats a request that the cluster rejects for a transient reason. @throws CommandError the last rejection */
  async retrying<T>(request: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#options.wait * 1_000;
    return this.waitFor(async () => {
      try {
        return { done: await request() };
      } catch (error) {
        if (!(error instanceof CommandError) || !error.later || performance.now() >= deadline) throw error;
        return { progress: `will retry: ${error.message}` };
      }
    });
  }

  /** Prints which members an answer lacks. */
  noteGaps({ unreachable, tooOld }: { readonly unreachable: string[]; readonly tooOld: string[] }): void {
    if (unreachable.length > 0)
      this.output.note(`The answer may be incomplete: ${unreachable.join(', ')} did not answer.`);
    if (tooOld.length > 0)
      this.output.note(
        `The answer may be incomplete: ${tooOld.join(', ')} has a version without this part of the HTTP API.`,
      );
  }

  /** Prints the sentence of a change. */
  done(text: string): void {
    this.output.show({ ok: true, text }, (answer) =>
      answer.text === '' ? 'done\n' : `${printable(answer.text)}\n`,
    );
  }
}

function serversOf(given: readonly string[], environment: Environment): readonly string[] {
  const fromEnvironment = environment.MQTT_CLUSTER_SERVERS?.split(/[\s,]+/).filter((url) => url !== '');
  const servers = given.length > 0 ? given : (fromEnvironment ?? []);
  return servers.map((url) => {
    if (/^https?:\/\//.test(url) && URL.canParse(url)) return url.replace(/\/+$/, '');
    throw new UsageError(`--server: "${url}" is not a URL such as ${serverDefault}`);
  });
}
