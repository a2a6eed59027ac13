import { BoundedEmitter } from '../src/aedes/bounded-emitter.ts';
import { collectGarbage } from '@mqtt-cluster/testing';

test('the emitter does not keep a delivered message, whose small payload may belong to a large buffer', async () => {
  const emitter = new BoundedEmitter();
  let delivered = 0;
  emitter.on('topic', (_message, done) => {
    delivered++;
    done();
  });
  const payloads = Array.from({ length: 100 }, () => {
    const payload = Buffer.alloc(8);
    emitter.emit({ topic: 'topic', payload });
    return new WeakRef(payload);
  });
  // A WeakRef keeps its object until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(delivered).toBe(payloads.length);
  expect(emitter.current).toBe(0);
  expect(payloads.filter((payload) => payload.deref() !== undefined)).toHaveLength(0);
});
