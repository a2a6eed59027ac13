import { remainingExpirySeconds } from '../src/log/message-expiry.ts';

describe('the remaining Message Expiry Interval [5.0 MQTT-3.3.2-6]', () => {
  const message = { expiresAt: 20_000, properties: { messageExpiryInterval: 10 } };

  test('is null for a message that does not expire', () => {
    expect(remainingExpirySeconds({}, 10_000)).toBeNull();
  });

  test('shrinks with cluster time, in whole seconds', () => {
    expect(remainingExpirySeconds(message, 10_000)).toBe(10);
    expect(remainingExpirySeconds(message, 10_001)).toBe(10);
    expect(remainingExpirySeconds(message, 11_000)).toBe(9);
    expect(remainingExpirySeconds(message, 20_000)).toBe(0);
  });

  test('is not longer than the interval of the publisher when the estimate of cluster time has moved back', () => {
    expect(remainingExpirySeconds(message, 9_999)).toBe(10);
  });
});
