import { until } from '@mqtt-cluster/testing';
import { JetstreamLink } from '../src/jetstream/jetstream-link.ts';
import { KnownRemote } from '../src/link/known-remote.ts';
import { Link } from '../src/link/link.ts';
import { freshRemoteMark } from '../src/names.ts';
import { FakeBroker } from './support/fake-broker.ts';
import { FakeMember } from './support/fake-member.ts';
import { linkOptions } from './support/links-of.ts';

const session = '$link/plant';

let member: FakeMember;
let here: FakeBroker;
let there: FakeBroker;
let urls: { readonly here: string; readonly there: string };

beforeEach(async () => {
  member = new FakeMember();
  [here, there] = [new FakeBroker(), new FakeBroker()];
  urls = { here: await here.start(), there: await there.start() };
});

afterEach(() => {
  here.stop();
  there.stop();
});

/** Runs the link with this definition until it is connected and its marks are as expected. Returns these marks. */
async function run(change: object): Promise<string[]> {
  const options = linkOptions(member, change);
  const link = new Link(options);
  link.start();
  const { mark } = new KnownRemote('plant', options.definition);
  await until(() => link.phase === 'connected' && marks().includes(mark));
  await until(() => marks().filter((each) => each !== freshRemoteMark).length === 1);
  link.stop();
  return marks();
}

const marks = (): string[] => member.filters(session).filter((filter) => filter !== 'a/#');

/** Whether each CONNECT of a broker began without the former session. Forgets them. */
function cleanStarts(broker: FakeBroker): boolean[] {
  const connects = broker.received.splice(0).filter((packet) => packet.cmd === 'connect');
  return connects.map(({ clean }) => clean === true);
}

test('a link that is moved to another broker and back deletes the old session first, each time', async () => {
  await run({ addresses: [urls.here] });
  expect(cleanStarts(here)).toEqual([true, false]);
  await run({ addresses: [urls.here] });
  expect(cleanStarts(here)).toEqual([false]);
  await run({ addresses: [urls.there] });
  expect(cleanStarts(there)).toEqual([true, false]);
  await run({ addresses: [urls.here] });
  expect(cleanStarts(here)).toEqual([true, false]);
});

test('a link that gets another client id deletes the session of this id first', async () => {
  await run({ addresses: [urls.here] });
  cleanStarts(here);
  await run({ addresses: [urls.here], clientId: 'other' });
  expect(cleanStarts(here)).toEqual([true, false]);
});

test('a broker whose addresses change one after another keeps the session', async () => {
  await run({ addresses: [urls.here] });
  await run({ addresses: [urls.there, urls.here] });
  await run({ addresses: [urls.there] });
  expect(cleanStarts(there)).toEqual([false, false]);
  await run({ addresses: [urls.here] });
  expect(cleanStarts(here)).toEqual([true, false, true, false]);
});

test('the mark of an earlier version keeps the session of an unchanged link, and no longer that of a moved one', async () => {
  member.leave(session, [freshRemoteMark]);
  expect(await run({ addresses: [urls.here] })).toContain(freshRemoteMark);
  expect(cleanStarts(here)).toEqual([false]);
  expect(await run({ addresses: [urls.there] })).not.toContain(freshRemoteMark);
  expect(cleanStarts(there)).toEqual([true, false]);
});

test('a link that was one to a stream meanwhile deletes the session at the broker first', async () => {
  await run({ addresses: [urls.here] });
  cleanStarts(here);
  const link = new JetstreamLink(
    linkOptions(member, { kind: 'jetstream', addresses: ['nats://127.0.0.1:1'], jetstream: { stream: 'S' } }),
  );
  link.start();
  await until(() => marks().length === 0);
  link.stop();
  await run({ addresses: [urls.here] });
  expect(cleanStarts(here)).toEqual([true, false]);
});
