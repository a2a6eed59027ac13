import type { Schemas } from '@mqtt-cluster/api/client';
import type { Command } from 'commander';
import { UsageError } from '../program/errors.ts';
import { defined, text, whole } from '../program/options.ts';
import type { Registry } from '../program/registry.ts';
import { payloadText, printable } from '../text/printable.ts';
import { bytes, count, time } from '../text/values.ts';
import { eventLine } from './event-line.ts';

interface TraceOptions {
  readonly client?: string;
  readonly topic?: string;
  readonly address?: string;
  readonly seconds: number;
  readonly payload?: boolean;
}

const secondsMax = 600;
const secondsDefault = 60;
const eventsMax = 500;
const eventsDefault = 50;

/** Declares the commands that show what happened and what happens. */
export function addEventCommands(program: Command, registry: Registry): void {
  registry.add<{ client?: string; limit: number; after?: string }>(program, {
    usage: 'events',
    description: 'print the newest events of the last hour, the newest at the end',
    examples: {
      events: 'the newest 50 events of all members',
      'events --client boiler-7': 'why this client connected and disconnected',
      'events --json --limit 500': 'for programs, the newest first',
    },
    options: (command) =>
      command
        .option('--client <ID>', 'only the events of this client', text)
        .option(
          '--limit <N>',
          `print at most N events, at most ${eventsMax}`,
          whole(1, eventsMax),
          eventsDefault,
        )
        .option('--after <CURSOR>', 'continue after the cursor `next` of an earlier answer', text),
    run: async (context, _operands, { client, limit, after }) => {
      const connection = await context.connect();
      const query = { limit, ...defined({ client, after }) };
      const list = await connection.ask((api) => api.GET('/events', { params: { query } }));
      if (list.events.length === 0 && !context.output.json) context.output.note('There is no such event.');
      else context.output.show(list, ({ events }) => `${[...events].reverse().map(eventLine).join('\n')}\n`);
      context.noteGaps(list);
    },
  });
  registry.add<TraceOptions>(program, {
    usage: 'trace',
    description: 'print every packet of a client, a topic or an address, on every member, for a bounded time',
    examples: {
      'trace --client boiler-7': 'the packets of a client for 60 s',
      "trace --topic 'boilers/7/#' --seconds 600": 'the messages on matching topics',
      'trace --address 10.0.1.7 --json > trace.ndjson': 'one line of JSON for each packet',
    },
    options: (command) =>
      command
        .option('--client <ID>', 'client id', text)
        .option('--topic <FILTER>', 'topic filter', text)
        .option('--address <IP>', 'IP address of clients', text)
        .option(
          '--seconds <N>',
          `end after N seconds, at most ${secondsMax}`,
          whole(1, secondsMax),
          secondsDefault,
        )
        .option('--payload', 'print the payloads'),
    run: async (context, _operands, { client, topic, address, seconds, payload }) => {
      const subject = defined({ client, topic, address });
      if (Object.keys(subject).length !== 1)
        throw new UsageError('trace: exactly one of --client, --topic and --address is required');
      const connection = await context.connect();
      context.output.progress(`Tracing for ${seconds} s; Ctrl-C ends the command.`);
      let packets = 0;
      const query = { ...subject, seconds, ...(payload && { payload: true }) };
      const onNamed = (name: string, data: unknown): void => {
        if (name === 'missing') context.noteGaps(data as { unreachable: string[]; tooOld: string[] });
        if (name === 'lost') context.output.note(lostNote(data as { member: string; lines: number }));
      };
      for await (const item of connection.events<Schemas['TraceItem']>('/trace', query, onNamed)) {
        packets++;
        context.output.showLine(item, traceLine);
      }
      context.output.note(`The trace has ended after ${count(packets, 'packet')}.`);
    },
  });
}

function lostNote({ member, lines }: { readonly member: string; readonly lines: number }): string {
  return `The trace lost ${count(lines, 'packet')} of ${member}, because they were read too slowly.`;
}

function traceLine(item: Schemas['TraceItem']): string {
  const { atMs, member, client, direction, packet, packetId, topic, qos, dup, retain, decision, payload } =
    item;
  const flags = [
    packetId === undefined ? '' : `id=${packetId}`,
    topic === undefined ? '' : `topic=${topic}`,
    qos === undefined ? '' : `qos=${qos}`,
    dup ? 'dup' : '',
    retain ? 'retain' : '',
    bytes(item.bytes),
    decision === undefined ? '' : `: ${decision}`,
  ].filter((part) => part !== '');
  const arrow = direction === 'in' ? '<-' : '->';
  const line = printable(`${time(atMs)}  ${member} ${arrow} ${client}  ${packet} ${flags.join(' ')}`);
  return payload === undefined ? line : `${line}  ${payloadText(payload)}`;
}
