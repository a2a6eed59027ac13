import { expect, test } from '@jest/globals';
import { clientQuery } from '../src/pages/clients/client-query.ts';

test('an address of the page can only ask for page sizes that the API accepts', () => {
  expect(clientQuery({ limit: '100' }, undefined).limit).toBe(100);
  for (const limit of ['0', '-5', '1e9', 'many', ''])
    expect(clientQuery({ limit }, undefined).limit).toBe(50);
});

test('an empty search sends no condition, and "offline" sends connected=false', () => {
  expect(clientQuery({ id: '', connected: '' }, undefined)).toEqual({ limit: 50 });
  expect(clientQuery({ connected: 'no', member: 'm2' }, 'cursor')).toEqual({
    limit: 50,
    after: 'cursor',
    connected: false,
    member: 'm2',
  });
});
