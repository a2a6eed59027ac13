import { z } from 'zod';

const count = z.number().min(0);
const byQos = z.tuple([count, count, count]);

/** What one member says about one link, in the answer to the question of another member. */
const linkReportSchema = z.object({
  name: z.string(),
  mayRun: z.boolean(),
  /** Why this member may not run the link, or what is wrong with it, in one sentence. */
  reason: z.string().nullable(),
  runs: z.boolean(),
  phase: z.enum(['opening', 'connecting', 'connected']).nullable(),
  address: z.string().nullable(),
  lagSeconds: count,
  sent: byQos,
  received: byQos,
  /** By reason. A newer member may have further reasons. */
  dropped: z.record(z.string(), count),
  reconnects: count,
  possibleDuplicates: count,
  /** Absent in reports of earlier versions. */
  keptAside: count.default(0),
});

export type LinkReport = z.output<typeof linkReportSchema>;

export const linkReportsSchema = z.array(linkReportSchema);
