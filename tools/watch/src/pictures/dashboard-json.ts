import { z } from 'zod';

/** The parts of Grafana's JSON model that the pictures use. */
const step = z.object({ value: z.number().nullable(), color: z.string() });
const mapping = z.object({
  options: z.record(z.string(), z.object({ text: z.string(), color: z.string() })),
});
const target = z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string().optional() });
const panel = z.object({
  type: z.string(),
  title: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(target).default([]),
  options: z.object({ textMode: z.string().optional() }).default({}),
  transformations: z
    .array(z.object({ id: z.string(), options: z.record(z.string(), z.unknown()) }))
    .default([]),
  fieldConfig: z
    .object({
      defaults: z.object({
        unit: z.string().optional(),
        decimals: z.number().optional(),
        min: z.number().optional(),
        max: z.number().optional(),
        noValue: z.string().optional(),
        thresholds: z.object({ steps: z.array(step) }).optional(),
        mappings: z.array(mapping).optional(),
        custom: z.object({ thresholdsStyle: z.object({ mode: z.string() }).optional() }).optional(),
      }),
      overrides: z.array(
        z.object({
          matcher: z.object({ options: z.unknown() }),
          properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
        }),
      ),
    })
    .optional(),
});

export const dashboardSchema = z.object({ uid: z.string(), title: z.string(), panels: z.array(panel) });

export type Panel = z.output<typeof panel>;
export type Dashboard = z.output<typeof dashboardSchema>;

/** How a panel or a column shows its values. */
export interface FieldOptions {
  readonly unit: string;
  readonly decimals: number | undefined;
  readonly steps: z.output<typeof step>[];
  readonly texts: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
  readonly cell: string;
}

/** Returns the options of a panel, or of one of its columns. */
export function fieldOptions({ fieldConfig }: Panel, column?: string): FieldOptions {
  const { unit = 'none', decimals, thresholds, mappings } = fieldConfig?.defaults ?? {};
  const ofColumn = fieldConfig?.overrides.find(({ matcher }) => matcher.options === column)?.properties ?? [];
  const property = <T>(id: string, schema: z.ZodType<T>): T | undefined => {
    const found = ofColumn.find((each) => each.id === id);
    return found === undefined ? undefined : schema.parse(found.value);
  };
  const texts = property('mappings', z.array(mapping)) ?? mappings ?? [];
  return {
    unit: property('unit', z.string()) ?? unit,
    decimals: property('decimals', z.number()) ?? decimals,
    steps: property('thresholds', z.object({ steps: z.array(step) }))?.steps ?? thresholds?.steps ?? [],
    texts: Object.assign({}, ...texts.map(({ options }) => options)) as FieldOptions['texts'],
    cell: property('custom.cellOptions', z.object({ type: z.string() }))?.type ?? '',
  };
}
