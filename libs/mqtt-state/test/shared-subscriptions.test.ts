import { publishCommand, World } from './support/state-driver.ts';

const filter = '$share/g/t';

function group(...clients: string[]): World {
  const world = new World();
  for (const client of clients) world.connect('a', client, {}, filter);
  return world;
}

function publish(world: World, ...payloads: string[]): void {
  world.propose('b', ...payloads.map((payload) => publishCommand('t', payload)));
}

describe('shared subscriptions', () => {
  test('[MQTT-4.8.2-3] each message to one member, in turns', () => {
    const world = group('c', 'd');
    publish(world, '1', '2', '3', '4');
    expect([world.queued('c'), world.queued('d')]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
    expect(world.items('c')).toMatchObject([{ group: filter }, { group: filter }]);
  });

  test('connected ones first, clean ones too; nobody: one that is away', () => {
    const world = group('c');
    world.connect('a', 'd', { clean: true, expirySeconds: 0 }, filter);
    world.close('a', 'c');
    publish(world, '1', '2');
    expect([world.queued('c'), world.queued('d')]).toEqual([[], ['1', '2']]);
    world.propose('a', {
      kind: 'progress',
      sessions: [{ client: 'd', epoch: world.epoch('d'), done: [1, 2] }],
    });
    world.close('a', 'd');
    publish(world, '3');
    expect(world.queued('c')).toEqual(['3']);
  });

  test('trace 17: what the chosen one had not acknowledged is chosen again, in order', () => {
    const world = group('c', 'd');
    publish(world, '1', '2', '3', '4');
    world.close('a', 'c', false);
    expect([world.queued('c'), world.queued('d')]).toEqual([[], ['2', '4', '1', '3']]);
    expect(world.state.counts().queuedMessages).toBe(4);
    // Nobody else is connected: they stay.
    world.close('a', 'd', false);
    expect(world.queued('d')).toEqual(['2', '4', '1', '3']);
  });

  test('[MQTT-4.8.2-4] a QoS 2 exchange under way stays with its session', () => {
    const world = new World();
    world.connect('a', 'c', { receiveMaximum: 1 }, filter);
    world.propose('b', publishCommand('t', '1', 2), publishCommand('t', '2', 2));
    world.connect('a', 'd', {}, filter);
    world.close('a', 'c', false);
    expect([world.queued('c'), world.queued('d')]).toEqual([['1'], ['2']]);
  });

  test('the session ends or leaves: to the others, connected or not, else away and counted', () => {
    const world = group('c', 'd');
    world.close('a', 'd');
    publish(world, '1');
    world.one('a', { kind: 'unsubscribe', client: 'c', epoch: world.epoch('c'), filters: [filter] });
    expect([world.queued('c'), world.queued('d')]).toEqual([[], ['1']]);
    world.connect('a', 'd');
    world.one('a', { kind: 'unsubscribe', client: 'd', epoch: world.epoch('d'), filters: [filter] });
    expect(world.ofKind('dropped')).toMatchObject([{ count: 1 }]);
    expect(world.queued('d')).toEqual([]);
    expect(world.state.counts()).toMatchObject({ subscriptions: 0, queuedMessages: 0, queuedBytes: 0 });
    publish(world, '2');
    expect([world.queued('c'), world.queued('d')]).toEqual([[], []]);
  });

  test('two groups and an own subscription each get their copy', () => {
    const world = new World();
    world.connect('a', 'c', {}, '$share/g/t', '$share/h/#', 't');
    publish(world, '1');
    expect(world.items('c').map((item) => item.group)).toEqual([undefined, '$share/g/t', '$share/h/#']);
    expect(world.state.counts()).toMatchObject({ queuedMessages: 3, queuedBytes: 2 });
  });

  test('QoS 1 is not given to a member that takes QoS 0 while another takes it', () => {
    const world = group('c');
    world.connect('a', 'd');
    const subscriptions = [{ filter, qos: 0 as const }];
    world.one('a', { kind: 'subscribe', client: 'd', epoch: world.epoch('d'), subscriptions });
    publish(world, '1', '2');
    expect([world.queued('c'), world.queued('d')]).toEqual([['1', '2'], []]);
    world.close('a', 'c');
    publish(world, '3');
    expect(world.items('d').at(-1)).toMatchObject({ qos: 0, packetId: 0 });
  });
});
