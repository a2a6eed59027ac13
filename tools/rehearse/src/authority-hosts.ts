import type { ProgramResult } from '@mqtt-cluster/kit';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventoryWithLost, playLocally, withHealth } from './local-playbook.ts';
import { writeProgram } from './substitute-program.ts';

/** A run of a playbook on these hosts. */
interface Run {
  /** Hosts that cannot be reached. */
  readonly lost?: readonly string[];
  /** Extra variables. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Three brokers that are folders of this machine, with the folder of a certificate authority. */
export class AuthorityHosts {
  readonly #ansible: string;
  readonly #folder: string;

  constructor(ansible: string, folder: string) {
    this.#ansible = ansible;
    this.#folder = folder;
    writeProgram(folder, 'podman', `echo "$*" >>'${this.#journal}'`);
  }

  get #journal(): string {
    return join(this.#folder, 'commands');
  }

  /** Runs a playbook. The broker two answers, and lists the brokers one and two as members. */
  play(args: readonly string[], { lost = [], variables = {} }: Run = {}): Promise<ProgramResult> {
    const members = ['one', 'two'].map((id) => ({ id, ok: true }));
    return withHealth({ two: { majority: true, members } }, (port) =>
      playLocally(this.#ansible, ['-i', inventoryWithLost(this.#folder, lost), ...args], {
        variables: {
          broker_publisher_http_port: String(port),
          cluster_certificates_authority_directory: join(this.#folder, 'pki'),
          cluster_certificates_directory: join(this.#folder, 'hosts-{{ inventory_hostname }}'),
          cluster_certificates_group: 'root',
          vault_certificate_authority_passphrase: 'static',
          monitoring_access_directory: join(this.#folder, 'access-{{ inventory_hostname }}'),
          ...variables,
        },
        environment: { PATH: `${this.#folder}:${process.env.PATH}` },
      }),
    );
  }

  /** Issues the certificates that are due, with the authority, which is created if there is none. */
  issue(): Promise<ProgramResult> {
    return this.play(['playbooks/certificates.yml', '--tags', 'certificates']);
  }

  /** Returns the path of a file of the authority. */
  authorityFile(name: string): string {
    return join(this.#folder, 'pki', name);
  }

  /** Returns the path of a file of a host. */
  hostFile(host: string, name: string): string {
    return join(this.#folder, `hosts-${host}`, name);
  }

  /** Returns the folder of a host with the certificates for Prometheus, Alertmanager and the node exporter. */
  accessFolder(host: string): string {
    return join(this.#folder, `access-${host}`);
  }

  /** Returns the contents of the keys, certificates and lists of all authorities, by name. */
  authorityFiles(): Readonly<Record<string, string>> {
    const names = readdirSync(join(this.#folder, 'pki')).filter((name) =>
      /^(authority|next|former)\./.test(name),
    );
    return Object.fromEntries(
      names.sort().map((name) => [name, readFileSync(this.authorityFile(name), 'utf8')]),
    );
  }

  /** Returns the commands that podman received. */
  get commands(): string {
    return existsSync(this.#journal) ? readFileSync(this.#journal, 'utf8') : '';
  }
}
