import { seededRandom } from '@mqtt-cluster/kit';
import { Witness } from '@mqtt-cluster/workload';
import { parser } from 'mqtt-packet';
import { connectPacket, validPacket } from '../src/mqtt/packets.ts';
import { makeSequence } from '../src/mqtt/sequences.ts';

describe('the packets of an attack', () => {
  it.each([3, 4, 5] as const)('are valid before they are mutated, in protocol version %i', (version) => {
    const random = seededRandom(1, `valid/${version}`);
    const types = new Set<string>();
    const reader = parser({ protocolVersion: version });
    reader.on('packet', ({ cmd }) => types.add(cmd));
    reader.on('error', (error) => {
      throw error;
    });
    reader.parse(connectPacket(random, version));
    for (let count = 0; count < 500; count++) reader.parse(validPacket(random, version));
    expect([...types].sort()).toEqual(
      [
        'connect',
        'publish',
        'subscribe',
        'unsubscribe',
        'puback',
        'pubrec',
        'pubrel',
        'pubcomp',
        'pingreq',
        'disconnect',
      ].sort(),
    );
  });

  it('belong to few client ids, so that connections take each other over, and to those of the witness', () => {
    const random = seededRandom(1, 'clients');
    const clients = new Set<string>();
    for (let count = 0; count < 300; count++) {
      const reader = parser({ protocolVersion: 4 });
      reader.on('packet', (packet) => clients.add(packet.cmd === 'connect' ? packet.clientId : ''));
      reader.parse(connectPacket(random, 4));
    }
    const own = [...clients].filter((client) => client.startsWith('fuzz-'));
    expect(own.length).toBeLessThanOrEqual(20);
    expect(new Set(clients)).toEqual(new Set([...own, ...Witness.clientIds(3)]));
  });

  it('are cut into pieces at random places, and no piece is empty', () => {
    const random = seededRandom(1, 'pieces');
    const sequences = Array.from({ length: 200 }, () => makeSequence(random));
    expect(sequences.flatMap(({ pieces }) => pieces).every(({ length }) => length > 0)).toBe(true);
    expect(sequences.some(({ pieces }) => pieces.length > 3)).toBe(true);
    expect(new Set(sequences.map(({ ending }) => ending))).toEqual(new Set(['close', 'reset', 'linger']));
  });
});
