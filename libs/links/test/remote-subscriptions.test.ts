import { until } from '@mqtt-cluster/testing';
import { Link } from '../src/link/link.ts';
import { freshRemoteMark, remoteFilterMark } from '../src/names.ts';
import { FakeBroker } from './support/fake-broker.ts';
import { FakeMember } from './support/fake-member.ts';
import { linkOptions } from './support/links-of.ts';

const session = '$link/plant/in';

let member: FakeMember;
let broker: FakeBroker;
let address: string;
let link: Link;

beforeEach(async () => {
  member = new FakeMember();
  broker = new FakeBroker();
  broker.sessionPresent = true;
  address = await broker.start();
  member.leave('$link/plant', [freshRemoteMark]);
  member.leave(session, [remoteFilterMark('former/#')]);
});

afterEach(() => {
  link.stop();
  broker.stop();
});

function start(rules: readonly object[]): void {
  link = new Link(linkOptions(member, { addresses: [address], rules }));
  link.start();
}

const unsubscribed = (): string[] =>
  broker.received.flatMap((packet) => (packet.cmd === 'unsubscribe' ? packet.unsubscriptions : []));

test('a link whose last incoming rule was removed ends its subscriptions at the other broker', async () => {
  start([{ direction: 'out', filter: 'a/#' }]);
  await until(() => member.filters(session).length === 0);
  expect(unsubscribed()).toEqual(['former/#']);
});

test('a link that has never had an incoming rule opens no session for it', async () => {
  member = new FakeMember();
  start([{ direction: 'out', filter: 'a/#' }]);
  await until(() => link.phase === 'connected');
  expect(member.opened).toEqual(['$link/plant']);
});

test('a subscription is ended again on the next connection if the other broker has not acknowledged its end', async () => {
  broker.unsubackCode = null;
  start([{ direction: 'in', filter: 'new/#' }]);
  await until(() => unsubscribed().length === 1 && member.filters(session).length === 2);
  expect(member.filters(session)).toEqual(['former/#', 'new/#'].map(remoteFilterMark));
  broker.unsubackCode = 0x11;
  broker.disconnect();
  await until(() => member.filters(session).length === 1);
  expect(unsubscribed()).toEqual(['former/#', 'former/#']);
  expect(member.filters(session)).toEqual([remoteFilterMark('new/#')]);
});

test('the report of a link names the subscription that the other broker does not end', async () => {
  broker.unsubackCode = 0x87;
  start([{ direction: 'out', filter: 'a/#' }]);
  await until(() => link.error !== null);
  expect(link.error).toBe('the other broker does not end the subscription to former/#: reason code 0x87');
  expect(member.filters(session)).toEqual([remoteFilterMark('former/#')]);
});
