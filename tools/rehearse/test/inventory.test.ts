import { describe, expect, test } from '@jest/globals';
import { withBrokers } from '../src/inventory.ts';

const whole = `all:
  children:
    brokers:
      hosts:
        10.0.0.55:
        10.0.0.56:
        10.0.0.57:
        10.0.0.58:
    clients:
      hosts:
        10.0.0.140:
`;

describe('withBrokers', () => {
  test('returns an inventory with only the given brokers, and with all hosts that are not brokers', () => {
    const small = withBrokers(whole, [55, 56, 57]);
    expect(small).toBe(whole.replace('        10.0.0.58:\n', ''));
  });
});
