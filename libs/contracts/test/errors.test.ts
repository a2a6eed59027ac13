import * as contracts from '../src/index.ts';
import { ClusterError } from '../src/index.ts';

type ErrorClass = new (message: string, options?: ErrorOptions) => ClusterError;

const errorClasses = Object.entries(contracts).flatMap(([name, exported]) =>
  typeof exported === 'function' && exported.prototype instanceof ClusterError
    ? [[name, exported as unknown as ErrorClass] as const]
    : [],
);

describe('the error classes', () => {
  it.each(errorClasses)(
    'include %s, which keeps its class name, its message and its cause',
    (name, ErrorOfClass) => {
      const cause = new Error('disk offline');
      const error = new ErrorOfClass('the store cannot be read', { cause });
      expect(error).toMatchObject({ name, message: 'the store cannot be read', cause });
      expect(error.code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    },
  );

  it('have different codes', () => {
    const codes = errorClasses.map(([, ErrorOfClass]) => new ErrorOfClass('').code);
    expect(codes.length).toBeGreaterThan(5);
    expect(new Set(codes).size).toBe(codes.length);
  });
});
