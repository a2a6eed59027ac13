import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import type { Schemas } from '@mqtt-cluster/api/client';
import { linkDefinitionSchema, linkRateHighest, parseJsonText } from '@mqtt-cluster/contracts';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { Command } from 'commander';
import { CommandError, UsageError } from '../program/errors.ts';
import { defined, fileOrInput, several, text, whole } from '../program/options.ts';
import type { Columns } from '../program/output.ts';
import type { Registry } from '../program/registry.ts';
import { printable } from '../text/printable.ts';
import { orDash } from '../text/values.ts';

type Definition = Schemas['LinkDefinition'];
type Rule = Definition['rules'][number];

interface AddOptions {
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly address?: readonly string[];
  readonly out?: readonly string[];
  readonly in?: readonly string[];
  readonly protocol?: string;
  readonly clientId?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly presence?: string;
  readonly keptAside?: string;
  readonly ratePerSecondMax?: number;
  readonly stream?: string;
  readonly replicas?: string;
  readonly start?: string;
  readonly syncsAlways?: boolean;
}

const total = (byQos: readonly number[]): string =>
  String(byQos.reduce((sum, messages) => sum + messages, 0));

const columns: Columns<Schemas['Link']> = {
  LINK: ({ name }) => name,
  STATE: ({ state }) => state,
  MEMBER: ({ member }) => orDash(member),
  ADDRESS: ({ address, definition }) => orDash(address ?? definition?.addresses[0]),
  WAITING: ({ lagMessages }) => String(lagMessages),
  SENT: ({ sent }) => total(sent),
  RECEIVED: ({ received }) => total(received),
  DROPPED: ({ dropped }) => total(Object.values(dropped)),
};

/** Declares the commands for links to other brokers. */
export function addLinkCommands(program: Command, registry: Registry): void {
  const links = registry.group(program, 'links', 'links to other brokers', {
    links: 'all links with their state',
    "links add plant --address mqtt://10.0.9.1:1883 --out 'site/#'": 'send messages to another broker',
    'links pause plant': 'stop a link; its messages wait',
  });
  registry.add(links, {
    usage: 'list',
    isDefault: true,
    description: 'print all links with their state (the default)',
    examples: {
      links: 'state, member and counters of each link',
      'links --json': 'the definitions, and which members may run each link',
    },
    run: async (context) => {
      const connection = await context.connect();
      const answer = await connection.ask((api) => api.GET('/links'));
      context.output.showTable(answer, { columns, items: answer.links, none: 'There is no link.' });
      for (const { name, error } of answer.links)
        if (error !== null) context.output.note(`${name}: ${error}`);
      context.noteGaps(answer);
    },
  });
  registry.add<AddOptions>(links, {
    usage: 'add <NAME>',
    description:
      'add a link, or replace its definition. RULE is FILTER, and optionally ,qos=0..2 ,retained=live ,local=PREFIX ,remote=PREFIX',
    examples: {
      "links add plant --address mqtt://10.0.9.1:1883 --out 'site/#' --in 'orders/#,qos=2'":
        'both directions',
      "links add plant --address mqtt://10.0.9.1:1883 --out '#,remote=north/'": 'all topics, with a prefix',
      "links add hub --address nats://10.0.9.1:4222 --stream SITES --out 'site/#'":
        'to a stream of NATS JetStream',
      'links add plant --file plant.json': 'all fields of docs/LINKS.md',
    },
    options: (command) =>
      command
        .option(
          '--file <FILE>',
          'JSON file with the definition, instead of the other options; - reads standard input',
          fileOrInput,
        )
        .option('--dry-run', 'print whether the link has another definition, and change nothing')
        .option(
          '--address <URL>',
          'mqtt://, mqtts://, ws:// or wss://; nats:// or tls:// for JetStream; may be given several times',
          several,
        )
        .option('--out <RULE>', 'from the cluster to the other broker; may be given several times', several)
        .option('--in <RULE>', 'from the other broker to the cluster; may be given several times', several)
        .option('--protocol <VERSION>', '5.0 (the default) or 3.1.1', text)
        .option('--client-id <ID>', 'client id at the other broker', text)
        .option('--username <NAME>', 'user at the other broker', text)
        .option('--password-file <NAME>', 'file with the password, in links.directory of the members', text)
        .option('--tls-ca <NAME>', 'PEM file of the authority, in links.directory of the members', text)
        .option('--tls-cert <NAME>', 'PEM file of the certificate, in links.directory of the members', text)
        .option('--tls-key <NAME>', 'PEM file of the key, in links.directory of the members', text)
        .option(
          '--kept-aside <TOPIC>',
          'keep copies of messages that the other end does not accept below this topic of the cluster',
          text,
        )
        .option('--presence <TOPIC>', 'retained message at the other broker: 1 while connected, else 0', text)
        .option(
          '--rate-per-second-max <COUNT>',
          'messages a second to the other broker (default: no bound)',
          whole(1, linkRateHighest),
        )
        .option(
          '--stream <NAME>',
          'JetStream: name of the stream, which is created if it does not exist',
          text,
        )
        .option('--replicas <COUNT>', 'JetStream: servers that store each message (default: 3)', text)
        .option('--start <WHERE>', 'JetStream: begin with new messages (the default) or with all', text)
        .option('--syncs-always', 'JetStream: the servers sync each message before they acknowledge it'),
    run: async (context, [name = ''], options) => {
      const body = options.file === undefined ? definitionOf(options) : await readDefinition(options.file);
      const connection = await context.connect();
      if (options.dryRun === true) {
        const { links: present } = await connection.ask((api) => api.GET('/links'));
        const former = present.find((link) => link.name === name)?.definition ?? null;
        const differs = !isDeepStrictEqual(former, completed(body));
        context.output.show({ name, differs }, () =>
          differs
            ? `the link ${name} would be ${former === null ? 'added' : 'replaced'}\n`
            : `the link ${name} has this definition\n`,
        );
        return;
      }
      const { text: done } = await context.retrying(() =>
        connection.ask((api) => api.PUT('/links/{name}', { params: { path: { name } }, body })),
      );
      context.done(done);
    },
  });
  for (const [verb, description, meaning] of [
    ['pause', 'stop a link and keep its messages', 'its messages wait in the cluster'],
    ['resume', 'start a paused link', 'its messages are sent'],
  ] as const) {
    registry.add(links, {
      usage: `${verb} <NAME>`,
      description,
      examples: { [`links ${verb} plant`]: meaning },
      run: async (context, [name = '']) => {
        const connection = await context.connect();
        const params = { path: { name } };
        const { text: done } = await context.retrying(() =>
          connection.ask((api) =>
            verb === 'pause'
              ? api.POST('/links/{name}/pause', { params })
              : api.POST('/links/{name}/resume', { params }),
          ),
        );
        context.done(done);
      },
    });
  }
  registry.add(links, {
    usage: 'remove <NAME>',
    description: 'remove a link with the messages that wait for the other broker',
    examples: { 'links remove plant': 'its session at the other broker is deleted, too' },
    run: async (context, [name = '']) => {
      const connection = await context.connect();
      const { text: done } = await context.retrying(() =>
        connection.ask((api) => api.DELETE('/links/{name}', { params: { path: { name } } })),
      );
      context.done(done);
    },
  });
  registry.add(links, {
    usage: 'test <NAME>',
    description: 'connect from the asked member to the other broker, without disturbing the link',
    examples: { 'links test plant': 'finds a wrong address, password or certificate' },
    run: async (context, [name = '']) => {
      const connection = await context.connect();
      const answer = await connection.ask((api) =>
        api.POST('/links/{name}/test', { params: { path: { name } } }),
      );
      context.output.show(answer, (result) => `${printable(result.text)}\n`);
      return answer.ok ? 0 : 1;
    },
  });
}

function definitionOf(options: AddOptions): Definition {
  const {
    address = [],
    out = [],
    in: incoming = [],
    protocol,
    clientId,
    username,
    passwordFile,
    presence,
    keptAside,
    ratePerSecondMax,
  } = options;
  if (address.length === 0) throw new UsageError('--address is missing: the URL of the other broker');
  const rules = [...out.map((rule) => ruleOf('out', rule)), ...incoming.map((rule) => ruleOf('in', rule))];
  if (rules.length === 0) throw new UsageError('a rule is missing: --out or --in');
  const tls = defined({ ca: options.tlsCa, cert: options.tlsCert, key: options.tlsKey });
  const jetstream = streamOf(options);
  // The server completes the definition with its defaults, and checks it.
  return {
    ...(address.some((url) => /^(nats|tls):/.test(url)) && { kind: 'jetstream' }),
    addresses: [...address],
    rules,
    ...defined({ protocol, clientId, username, passwordFile, presence, keptAside, ratePerSecondMax }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(Object.keys(jetstream).length > 0 && { jetstream }),
  } as Definition;
}

function streamOf({ stream, replicas, start, syncsAlways }: AddOptions): object {
  return defined({
    stream,
    replicas: replicas === undefined ? undefined : Number(replicas),
    start,
    syncsAlways,
  });
}

/** Parses `FILTER,qos=2,retained=live,local=PREFIX,remote=PREFIX`. */
function ruleOf(direction: Rule['direction'], given: string): Rule {
  const names: Readonly<Record<string, keyof Rule>> = {
    qos: 'qosMax',
    retained: 'retained',
    local: 'localPrefix',
    remote: 'remotePrefix',
  };
  const parts = given.split(',');
  const options: string[] = [];
  // A filter may contain a comma, so options are taken from the end.
  for (let part = parts.at(-1); part !== undefined && parts.length > 1; part = parts.at(-1)) {
    if (names[part.split('=', 1)[0] ?? ''] === undefined || !part.includes('=')) break;
    options.push(parts.pop()!);
  }
  const rule: Record<string, unknown> = { direction, filter: parts.join(',') };
  for (const option of options) {
    const [name = '', ...value] = option.split('=');
    const field = names[name]!;
    rule[field] = field === 'qosMax' ? Number(value.join('=')) : value.join('=');
  }
  return rule as Rule;
}

/** @param file path of the file, or `-` for standard input */
async function readDefinition(file: string): Promise<Definition> {
  try {
    const content = file === '-' ? await buffer(process.stdin) : readFileSync(file);
    return parseJsonText(content) as Definition;
  } catch (cause) {
    throw new CommandError(`${file === '-' ? 'standard input' : file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Returns the definition with the defaults of this version. @throws CommandError */
function completed(given: Definition): LinkDefinition {
  const parsed = linkDefinitionSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CommandError(`${issue?.path.join('.')}: ${issue?.message}`);
}
