import { readFileSync } from 'node:fs';
import type { Schemas } from '@mqtt-cluster/api/client';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { CommandError, UsageError } from '../program/errors.ts';
import { defined, text, whole } from '../program/options.ts';
import type { Registry } from '../program/registry.ts';
import { payloadText, printable } from '../text/printable.ts';
import { count } from '../text/values.ts';

interface PublishOptions {
  readonly file?: string;
  readonly qos: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly contentType?: string;
  readonly expiry?: number;
  readonly responseTopic?: string;
  readonly property?: readonly [string, string][];
}

interface SubscribeOptions {
  readonly qos: 0 | 1 | 2;
  readonly count?: number;
  readonly seconds: number;
}

const messagesMax = 10_000;
const secondsMax = 600;
const secondsDefault = 60;
const expirySecondsMax = 0xffff_ffff;

/** Declares the commands that publish and receive messages. */
export function addMessageCommands(program: Command, registry: Registry): void {
  registry.add<PublishOptions>(program, {
    usage: 'publish <TOPIC> [MESSAGE]',
    description: 'publish a message; the access rules of the user apply',
    examples: {
      'publish boilers/7/setpoint 71.5 --qos 1 --retain': 'a retained message',
      'publish firmware/7 --file image.bin --qos 2': 'the bytes of a file',
      'publish boilers/7/setpoint --file - < setpoint': 'standard input',
    },
    options: (command) =>
      command
        .option('--file <FILE>', 'the payload is the content of FILE; - is standard input', fileName)
        .option('--qos <N>', 'QoS 0, 1 or 2', whole(0, 2), 0)
        .option('--retain', 'retain the message')
        .option('--content-type <TYPE>', 'Content Type (MQTT 5)', text)
        .option('--expiry <SECONDS>', 'Message Expiry Interval (MQTT 5)', whole(0, expirySecondsMax))
        .option('--response-topic <TOPIC>', 'Response Topic (MQTT 5)', text)
        .option(
          '--property <NAME=VALUE>',
          'User Property (MQTT 5); may be given several times',
          userProperty,
        ),
    run: async (context, [topic = '', message], options) => {
      const body = bodyOf(topic, message, options);
      const connection = await context.connect();
      const answer = await connection.ask((api) => api.POST('/publish', { body }));
      context.output.show(answer, ({ acknowledged, noSubscribers }) => {
        if (!acknowledged) return 'accepted; QoS 0 has no acknowledgement\n';
        return noSubscribers ? 'acknowledged; no session has a matching subscription\n' : 'acknowledged\n';
      });
    },
  });
  registry.add<SubscribeOptions>(program, {
    usage: 'subscribe <FILTER>',
    description:
      'print the messages that match FILTER, for a bounded time; the access rules of the user apply',
    examples: {
      "subscribe 'boilers/#' --seconds 30": 'a line for each message: topic and payload',
      'subscribe boilers/7/temperature --count 1 --json': 'one message, one line of JSON',
    },
    options: (command) =>
      command
        .option('--qos <N>', 'the highest QoS of the messages', whole(0, 2), 0)
        .option('--count <N>', 'end after N messages', whole(1, messagesMax))
        .option(
          '--seconds <N>',
          `end after N seconds, at most ${secondsMax}`,
          whole(1, secondsMax),
          secondsDefault,
        ),
    run: async (context, [filter = ''], { qos, count: max, seconds }) => {
      const connection = await context.connect();
      let received = 0;
      const query = { filter, qos, seconds, ...defined({ max }) };
      context.output.progress(`Waiting for messages for ${seconds} s; Ctrl-C ends the command.`);
      for await (const message of connection.events<Schemas['ReceivedMessage']>('/subscribe', query)) {
        received++;
        context.output.showLine(
          message,
          ({ topic, payload }) => `${printable(topic)} ${payloadText(payload)}`,
        );
      }
      context.output.note(`The stream has ended after ${count(received, 'message')}.`);
      if (max !== undefined && received < max)
        throw new CommandError(`${received} of ${count(max, 'message')} arrived within ${seconds} s`);
    },
  });
}

function bodyOf(topic: string, message: string | undefined, options: PublishOptions): Schemas['Publish'] {
  const { file, qos, retain = false, contentType, expiry, responseTopic, property } = options;
  if ((message === undefined) === (file === undefined))
    throw new UsageError('publish: exactly one of MESSAGE and --file is required');
  const properties = defined({
    contentType,
    messageExpiryInterval: expiry,
    responseTopic,
    userProperties: property?.map(([name, value]) => [name, value]),
  });
  const content =
    file === undefined
      ? ({ payload: message ?? '', encoding: 'utf8' } as const)
      : ({ payload: read(file).toString('base64'), encoding: 'base64' } as const);
  return { topic, ...content, qos, retain, ...(Object.keys(properties).length > 0 && { properties }) };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? process.stdin.fd : file);
  } catch (cause) {
    throw new CommandError(`--file: ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function fileName(value: string): string {
  return value === '-' ? value : text(value);
}

function userProperty(value: string, before: readonly [string, string][] = []): readonly [string, string][] {
  const end = value.indexOf('=');
  if (end < 1) throw new InvalidArgumentError('It must have the form NAME=VALUE.');
  return [...before, [value.slice(0, end), value.slice(end + 1)]];
}
