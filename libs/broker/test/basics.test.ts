import { connect, startBroker } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';

let target: BrokerTarget;
beforeEach(async () => {
  target = await startBroker();
});
afterEach(() => target.stop());

describe.each([3, 4, 5] as const)('the broker, for protocol version %d,', (protocolVersion) => {
  test.each([0, 1, 2] as const)('delivers a QoS %d message from a publisher to a subscriber', async (qos) => {
    const subscriber = await connect(target, 'subscriber', { protocolVersion });
    await subscriber.subscribe(1, 'a/+', 2);
    const publisher = await connect(target, 'publisher', { protocolVersion });
    publisher.publish('a/b', 'hello', { qos, messageId: 7 });
    if (qos === 1) await expect(publisher.next('puback')).resolves.toMatchObject({ messageId: 7 });
    if (qos === 2) {
      await expect(publisher.next('pubrec')).resolves.toMatchObject({ messageId: 7 });
      publisher.send({ cmd: 'pubrel', messageId: 7 });
      await expect(publisher.next('pubcomp')).resolves.toMatchObject({ messageId: 7 });
    }
    const received = await subscriber.next('publish');
    expect(received).toMatchObject({ topic: 'a/b', qos, retain: false, dup: false });
    expect(received.payload.toString()).toBe('hello');
    if (qos === 1) subscriber.send({ cmd: 'puback', messageId: received.messageId ?? 0 });
    if (qos === 2) {
      subscriber.send({ cmd: 'pubrec', messageId: received.messageId ?? 0 });
      await subscriber.next('pubrel');
      subscriber.send({ cmd: 'pubcomp', messageId: received.messageId ?? 0 });
    }
    await subscriber.settle();
    expect(subscriber.isClosed).toBe(false);
    expect(publisher.isClosed).toBe(false);
  });
});
