import { routes } from '../src/routes.ts';

function messageOf(
  query: { safeParse(value: unknown): { error?: { issues: { message: string }[] } } },
  value: unknown,
) {
  return query.safeParse(value).error?.issues[0]?.message ?? 'accepted';
}

describe('parameters of lists', () => {
  const { query } = routes.listClients.request;

  it('defaults the page size to 50', () => {
    expect(query.parse({})).toEqual({ limit: 50 });
  });

  it.each(['0', '501', '-1', '1.5', '', 'ten', '0x10', '1e2', ' 5'])('rejects the page size %j', (limit) => {
    expect(messageOf(query, { limit })).toBe('must be a whole number from 1 to 500');
  });

  it('accepts the bounds of the page size', () => {
    expect([query.parse({ limit: '1' }).limit, query.parse({ limit: '500' }).limit]).toEqual([1, 500]);
  });

  it('reads flags only as true or false', () => {
    expect(query.parse({ connected: 'false' }).connected).toBe(false);
    expect(messageOf(query, { connected: 'yes' })).toBe('must be true or false');
  });

  it('rejects a parameter that the list does not have', () => {
    expect(messageOf(query, { lmit: '5' })).toMatch(/lmit/);
  });
});

describe('topic filters', () => {
  const { query } = routes.listRetained.request;

  it.each(['#', 'a/#', '+/b', '/', 'a//b', '$SYS/#'])('accepts %j', (filter) => {
    expect(query.parse({ filter }).filter).toBe(filter);
  });

  it.each(['', 'a#', '#/a', 'a+/b', 'a\0b'])('rejects %j', (filter) => {
    expect(messageOf(query, { filter })).toMatch(/^must be a topic filter/);
  });
});

describe('the subject of a trace', () => {
  const { query } = routes.trace.request;

  it.each([{}, { client: 'a', topic: 'b' }, { client: 'a', address: '10.0.0.1' }])('rejects %j', (given) => {
    expect(messageOf(query, given)).toMatch(/the only one of client, topic and address/);
  });

  it('accepts each of the three subjects alone', () => {
    for (const given of [{ client: 'a' }, { topic: 'a/+' }, { address: '10.0.0.1' }]) {
      expect(query.parse(given)).toEqual(given);
    }
  });
});

it('requires a decision about a dry run before many retained messages are deleted', () => {
  expect(routes.deleteRetained.request.query.safeParse({ filter: '#' }).success).toBe(false);
});

it('rejects a payload that is not base64 when the encoding is base64', () => {
  const { schema } = routes.publish.request.body.content['application/json'];
  expect(schema.safeParse({ topic: 'a', payload: '%%%', encoding: 'base64' }).success).toBe(false);
  expect(schema.parse({ topic: 'a', payload: 'aGk=', encoding: 'base64' })).toMatchObject({
    qos: 0,
    retain: false,
  });
});
