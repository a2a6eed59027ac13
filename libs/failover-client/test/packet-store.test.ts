import type { Packet } from 'mqtt';
import { PacketStore } from '../src/session/packet-store.ts';

describe('PacketStore', () => {
  function publish(messageId: number): Packet {
    return { cmd: 'publish', topic: 't', payload: 'x', qos: 1, retain: false, dup: false, messageId };
  }

  function store(): { store: PacketStore; sent: Packet[] } {
    const sent: Packet[] = [];
    return {
      store: new PacketStore(
        (packet) => sent.push(packet),
        () => 0,
      ),
      sent,
    };
  }

  const done = (): void => undefined;

  test('never allocates the packet id of a stored packet, also after a reconnect', () => {
    const { store: packetStore } = store();
    const ids = [1, 2, 3].map(() => packetStore.messageIds.allocate());
    packetStore.put(publish(ids[1] ?? 0), done);
    packetStore.messageIds.clear();
    const given = Array.from({ length: 65_534 }, () => packetStore.messageIds.allocate());
    expect(new Set(given).size).toBe(65_534);
    expect(given).not.toContain(ids[1]);
    expect(packetStore.messageIds.allocate()).toBeNull();
  });

  test('sends all stored packets at once and in order, with PUBREL in the place of its PUBLISH', () => {
    const { store: packetStore, sent } = store();
    for (const id of [3, 1, 2]) packetStore.put(publish(id), done);
    packetStore.put({ cmd: 'pubrel', messageId: 3 }, done);
    packetStore.prepare(true, 100);
    packetStore.createStream();
    expect(sent.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
      ['pubrel', 3],
      ['publish', 1],
      ['publish', 2],
    ]);
  });

  test('sends only as many packets as the window allows, and the next one after each acknowledgement', () => {
    const { store: packetStore, sent } = store();
    for (const id of [1, 2, 3, 4]) packetStore.put(publish(id), done);
    packetStore.prepare(true, 2);
    packetStore.createStream();
    expect([sent.length, packetStore.unsent]).toEqual([2, 2]);
    packetStore.del({ messageId: 1 }, done);
    expect(sent.map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
    expect(packetStore.unsent).toBe(1);
  });

  test('does not send a packet that was removed while it waited for room in the window', () => {
    const { store: packetStore, sent } = store();
    for (const id of [1, 2, 3]) packetStore.put(publish(id), done);
    packetStore.prepare(true, 1);
    packetStore.createStream();
    packetStore.del({ messageId: 2 }, done);
    packetStore.del({ messageId: 1 }, done);
    expect(sent.map(({ messageId }) => messageId)).toEqual([1, 3]);
  });
});
