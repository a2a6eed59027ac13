import { FlappingClients } from '../../src/limits/flapping-clients.ts';

/** Two devices take over from each other at this member; each connects when the other has ended its connection. */
function flap(clients: FlappingClients, times: number, nowMs = 0): (number | undefined)[] {
  return Array.from({ length: times }, (_, index) => {
    const [connecting, connected] = index % 2 === 0 ? ['192.0.2.1', '192.0.2.2'] : ['192.0.2.2', '192.0.2.1'];
    const delayMs = clients.onConnect('c', connecting!, nowMs)?.delayMs;
    clients.onTakenOver('c', connected!, nowMs);
    return delayMs;
  });
}

test('two devices with one client id are found with both addresses, and wait longer with each takeover', () => {
  const clients = new FlappingClients();
  const none = undefined;
  expect(flap(clients, 12)).toEqual([
    none,
    none,
    none,
    none,
    none,
    250,
    500,
    1_000,
    2_000,
    4_000,
    5_000,
    5_000,
  ]);
  expect(clients.onConnect('c', '192.0.2.1', 0)?.addresses.toSorted()).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('a client that stops flapping does not wait any more after a few minutes', () => {
  const clients = new FlappingClients();
  flap(clients, 20);
  expect(clients.onConnect('c', '192.0.2.1', 60_000)).toMatchObject({ delayMs: 2_000 });
  expect(clients.onConnect('c', '192.0.2.1', 180_000)).toBeNull();
  clients.sweep(300_000);
  expect(clients.size).toBe(0);
});

test('a client that moves now and then does not wait', () => {
  const clients = new FlappingClients();
  for (let minute = 0; minute < 100; minute++) {
    expect(flap(clients, 2, minute * 60_000)).toEqual([undefined, undefined]);
  }
});

test('takeovers of any number of client ids take bounded memory', () => {
  const clients = new FlappingClients();
  for (let index = 0; index < 100_000; index++) clients.onTakenOver(`client ${index}`, '192.0.2.1', 0);
  expect(clients.size).toBe(1_000);
});
