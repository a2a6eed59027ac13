import fc from 'fast-check';
import { Places } from '../../src/limits/places.ts';

interface Owner {
  readonly holder: string;
  readonly name: string;
}

function owner(holder: string, name = holder): Owner {
  return { holder, name };
}

test('a newcomer gets the place with the oldest activity of the holder that holds most', () => {
  const places = new Places<Owner>(4);
  const owners = ['1', '2', '3'].map((name) => owner('much', name));
  for (const each of owners) places.add(each);
  places.add(owner('little'));
  places.touch(owners[0]!);
  expect(places.isFull).toBe(true);
  expect(places.victimFor('new')).toBe(owners[1]);
});

test('a holder of most places gets no place of another holder', () => {
  const places = new Places<Owner>(4);
  for (const name of ['1', '2']) places.add(owner('much', name));
  for (const name of ['1', '2']) places.add(owner('as much', name));
  expect(places.victimFor('much')).toBeUndefined();
  expect(places.victimFor('new')?.holder).toBe('much');
});

test('two holders with one place between them do not take it from each other', () => {
  const places = new Places<Owner>(1);
  places.add(owner('first'));
  expect(places.victimFor('second')).toBeUndefined();
});

test('no sequence of connects costs a holder below its share a place', () => {
  const holders = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.record({ holder: holders, leaves: fc.boolean() }), { maxLength: 200 }),
      (max, steps) => {
        const places = new Places<Owner>(max);
        const present = new Map<string, Owner[]>();
        const of = (holder: string): Owner[] => present.get(holder) ?? [];
        for (const { holder, leaves } of steps) {
          if (leaves) {
            const leaving = of(holder).shift();
            if (leaving !== undefined) places.remove(leaving);
            continue;
          }
          if (places.isFull) {
            const victim = places.victimFor(holder);
            if (victim === undefined) continue;
            const held = of(victim.holder);
            const share =
              max /
              new Set([...[...present].filter(([, { length }]) => length > 0).map(([key]) => key), holder])
                .size;
            expect(held.length).toBeGreaterThan(share);
            places.remove(victim);
            held.splice(held.indexOf(victim), 1);
          }
          const entering = owner(holder);
          places.add(entering);
          present.set(holder, [...of(holder), entering]);
        }
        expect(places.size).toBe([...present.values()].flat().length);
        for (const holder of present.keys()) expect(places.of(holder)).toBe(of(holder).length);
      },
    ),
  );
});
