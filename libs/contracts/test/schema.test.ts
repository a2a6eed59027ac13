import { z } from 'zod';
import { clusterSettingsSchema, defaultSettings, parseJson, settingsChangeSchema } from '../src/index.ts';

describe('parseJson', () => {
  const schema = z.object({ number: z.int(), text: z.string().optional() });

  it('returns the decoded value of a JSON text that matches the schema', () => {
    expect(parseJson(schema, Buffer.from('{"number":1}'))).toEqual({ number: 1 });
  });

  it.each(['', 'null', '[]', '{"number":"1"}', '{"number":1.5}', '{"number":1'])(
    'returns undefined for %j',
    (text) => {
      expect(parseJson(schema, text)).toBeUndefined();
    },
  );
});

describe('settingsChangeSchema', () => {
  it('accepts every cluster setting, and adds no default for an absent setting', () => {
    expect(settingsChangeSchema.parse({})).toEqual({});
    expect(settingsChangeSchema.parse(defaultSettings)).toEqual(defaultSettings);
    expect(Object.keys(settingsChangeSchema.shape)).toEqual(Object.keys(clusterSettingsSchema.shape));
  });

  it('rejects an unknown name and a value out of bounds', () => {
    expect(settingsChangeSchema.safeParse({ sessions: 1 }).success).toBe(false);
    expect(settingsChangeSchema.safeParse({ incomingMax: 65_536 }).success).toBe(false);
    expect(settingsChangeSchema.safeParse({ queuedMessagesMax: 0 }).success).toBe(false);
  });
});
