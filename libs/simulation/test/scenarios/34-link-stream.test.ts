import type { MemberId } from '@mqtt-cluster/contracts';
import { checkStream, Scenario } from '../../src/index.ts';
import type { SimulatedClient, SimulatedLink } from '../../src/index.ts';

const seeds = [1, 2, 3];

interface Reading {
  readonly scenario: Scenario;
  readonly link: SimulatedLink;
  readonly reader: SimulatedClient;
}

/** A link that reads a stream, and a client that receives what the link publishes. */
function reading(seed: number): Reading {
  const scenario = new Scenario({ seed, members: 5 });
  const link = scenario.link();
  const others = scenario.others(link.runner!);
  const reader = scenario.client('reader', others[0]!, { subscriptions: [{ filter: 'li', qos: 2 }] });
  return { scenario, link, reader };
}

/** Stores messages in the stream, one in 7 ms. */
function store({ scenario, link }: Reading, messages: number): void {
  for (let count = 0; count < messages; count += 1) {
    link.site.append('li');
    scenario.run(7);
  }
}

function waitForTakeover({ scenario, link }: Reading, former: MemberId): void {
  scenario.waitFor(
    'another member runs the link',
    6_000,
    () => link.runner !== null && link.runner !== former,
  );
}

/** Ends all faults and runs all checks: the reader has each number of the stream once, in order. */
function finish({ scenario, link, reader }: Reading): string[] {
  scenario.finish();
  scenario.waitFor(
    'the reader is idle',
    5_000,
    () => scenario.arrivals(reader).length >= link.site.stream.length,
  );
  checkStream(scenario.world.history, link.site, reader);
  return scenario.violations;
}

/**
 * Each runner dies with messages that it has published behind its last mark. This test fails if the state does not keep the
 * packet ids of QoS 2 messages.
 */
test.each(seeds)(
  'each message of a stream is published once, in order, when runner after runner dies, seed %d (P2)',
  (seed) => {
    const run = reading(seed);
    const { scenario, link } = run;
    for (let round = 0; round < 3; round += 1) {
      store(run, 40 + round);
      const former = link.runner!;
      scenario.world.kill(former);
      store(run, 20);
      waitForTakeover(run, former);
      scenario.world.start(former);
      scenario.waitForServing(former);
    }
    expect(finish(run)).toEqual([]);
    expect(link.site.stream).toHaveLength(183);
  },
);

/**
 * The entries of the former runner reach the log after the next one has published and released the same messages. This test
 * fails if the state applies QoS 2 messages with the epoch of a former connection.
 */
test.each(seeds)(
  'entries of a former runner that come after the takeover publish nothing, seed %d (P2)',
  (seed) => {
    const run = reading(seed);
    const { scenario, link } = run;
    const { world } = scenario;
    store(run, 30);
    const former = link.runner!;
    // The member receives entries, but what it proposes waits.
    for (const id of scenario.others(former)) world.cutLink(former, id, 'one');
    store(run, 30);
    waitForTakeover(run, former);
    store(run, 60);
    scenario.run(500);
    world.heal();
    store(run, 30);
    expect(finish(run)).toEqual([]);
  },
);
