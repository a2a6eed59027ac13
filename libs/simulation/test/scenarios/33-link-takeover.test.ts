import type { MemberId } from '@mqtt-cluster/contracts';
import { Scenario } from '../../src/index.ts';
import type { Publication, SimulatedClient, SimulatedLink } from '../../src/index.ts';

/** How the runner of a link ends, and within which time another member must run the link, ms. */
const endings = [
  ['is killed', 2_000, (scenario, id) => scenario.world.kill(id)],
  ['loses its power', 5_000, (scenario, id) => scenario.world.powerOff(id)],
  ['is cut off', 5_000, (scenario, id) => scenario.world.partition([id], scenario.others(id))],
  ['drains', 2_000, (scenario, id) => scenario.world.host(id).post((member) => member.drain(100))],
] as const satisfies readonly (readonly [string, number, (scenario: Scenario, id: MemberId) => void])[];

const seeds = [1, 2, 3];

/** Publishes messages of QoS 1 and 2 for the other site, one in 15 ms. */
function publishFor(scenario: Scenario, client: SimulatedClient, messages: number): Publication[] {
  return Array.from({ length: messages }, (_, number) => {
    scenario.run(15);
    return client.publish(`$lo/${number % 2}`, number % 3 === 0 ? 1 : 2);
  });
}

function runnerOf(link: SimulatedLink): MemberId {
  if (link.runner === null) throw new Error('no member runs the link');
  return link.runner;
}

/**
 * This test fails if the homes of a silent member are not lost, or if a session does not keep the PUBRECs of its client: the
 * next runner then publishes a message again that the other site has released.
 */
test.each(
  endings.flatMap(([how, withinMs, end]) => seeds.map((seed) => [how, seed, withinMs, end] as const)),
)(
  'another member takes a link over when its runner %s, and the other site has each acknowledged message, seed %d (P2)',
  (_how, seed, withinMs, end) => {
    const scenario = new Scenario({ seed, members: 5 });
    const link = scenario.link();
    const former = runnerOf(link);
    const publisher = scenario.client('p', scenario.others(former)[0]!);
    const before = publishFor(scenario, publisher, 20);
    end(scenario, former);
    const during = publishFor(scenario, publisher, 20);
    const isTakenOver = (): boolean => link.runner !== null && link.runner !== former;
    scenario.waitFor('another member runs the link', withinMs, isTakenOver);
    const after = publishFor(scenario, publisher, 5);
    scenario.world.host(former).post((member) => member.undrain());
    expect(scenario.finish()).toEqual([]);
    const arrived = new Set(link.site.session.arrivals.map(({ publication }) => publication));
    expect([...before, ...during, ...after].filter(({ id }) => !arrived.has(id))).toEqual([]);
  },
);

/**
 * This test fails if members neither close the connection of the former runner, nor refuse entries with its epoch. One of the
 * two rules is enough.
 */
test.each(seeds)(
  'a runner that was paused does not act at the other site after the next one, seed %d (P4)',
  (seed) => {
    const scenario = new Scenario({ seed, members: 5 });
    const { world } = scenario;
    const link = scenario.link();
    const former = runnerOf(link);
    const publisher = scenario.client('p', scenario.others(former)[0]!);
    publishFor(scenario, publisher, 20);
    world.pause(former);
    scenario.waitFor(
      'another member runs the link',
      5_000,
      () => link.runner !== null && link.runner !== former,
    );
    publishFor(scenario, publisher, 20);
    world.resume(former);
    // Both runners have to connect again.
    link.site.cut(10);
    publishFor(scenario, publisher, 100);
    expect(scenario.finish()).toEqual([]);
    expect(link.site.runners.map(({ member }) => member)).toEqual([former, link.runner]);
  },
);
