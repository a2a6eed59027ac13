import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const callFrameSchema = z.object({
  functionName: z.string(),
  url: z.string(),
  lineNumber: z.number(),
  columnNumber: z.number(),
});

/** The parts of a profile that V8 writes with `--cpu-prof`. Times are in microseconds. */
const profileSchema = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: callFrameSchema })),
  startTime: z.number(),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export type CpuProfile = z.output<typeof profileSchema>;

export interface ProfilePart {
  readonly name: string;
  /** Share of the time that was not idle. */
  readonly share: number;
}

/** Parts of the time in which the main thread was not idle. Other threads, for example those that sync, are not included. */
export interface ProfileSummary {
  /** Self time by package. */
  readonly packages: readonly ProfilePart[];
  /** Self time by function. */
  readonly functions: readonly ProfilePart[];
}

const packagesShown = 14;
const functionsShown = 24;

/** Summarizes the part of a profile between two times. */
export function summarizeProfile(file: string, fromUs: number, toUs: number): ProfileSummary {
  const profile = profileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return summarize(profile, sourceOfBundle(), { fromUs, toUs });
}

/** Returns the package and the function of a place in a bundle. */
type SourceOf = (url: string, line: number, column: number) => string | null;

export function summarize(
  profile: CpuProfile,
  sourceOf: SourceOf,
  range: { readonly fromUs: number; readonly toUs: number },
): ProfileSummary {
  const selfUs = new Map<number, number>();
  let atUs = profile.startTime;
  for (const [position, id] of profile.samples.entries()) {
    const durationUs = profile.timeDeltas[position + 1] ?? 0;
    atUs += profile.timeDeltas[position]!;
    if (atUs < range.fromUs || atUs > range.toUs) continue;
    selfUs.set(id, (selfUs.get(id) ?? 0) + durationUs);
  }
  const packages = new Map<string, number>();
  const functions = new Map<string, number>();
  let totalUs = 0;
  for (const { id, callFrame } of profile.nodes) {
    const us = selfUs.get(id) ?? 0;
    const { functionName, url, lineNumber, columnNumber } = callFrame;
    if (us === 0 || functionName === '(idle)') continue;
    totalUs += us;
    const source = url.startsWith('file:') ? sourceOf(url, lineNumber, columnNumber) : null;
    const place = source ?? (url === '' ? 'native' : url);
    add(packages, packageOf(place, functionName), us);
    add(functions, `${functionName || '(anonymous)'} ${source ?? url}`.trim(), us);
  }
  const parts = (all: Map<string, number>, count: number): ProfilePart[] =>
    [...all]
      .sort(([, left], [, right]) => right - left)
      .slice(0, count)
      .map(([name, us]) => ({ name, share: us / totalUs }));
  return { packages: parts(packages, packagesShown), functions: parts(functions, functionsShown) };
}

/** Functions of Node without a file that write to a socket. Their self time is that of the system call. */
const socketWrites: readonly string[] = ['writev', 'writeBuffer', 'writeUtf8String', 'writeLatin1String'];

function packageOf(place: string, functionName: string): string {
  if (socketWrites.includes(functionName) && place === 'native') return 'socket writes (system calls)';
  if (place === 'native') return functionName.startsWith('(') ? functionName : 'other native functions';
  const module = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place)?.[1];
  if (module !== undefined) return module;
  const own = /(?:^|\/)((?:libs|apps|tools)\/[^/]+)/.exec(place)?.[1];
  if (own !== undefined) return own;
  return place.startsWith('node:') ? `Node: ${place.slice('node:'.length)}` : place;
}

function add(map: Map<string, number>, key: string, amount: number): void {
  map.set(key, (map.get(key) ?? 0) + amount);
}

/** Reads the source maps that lie beside the bundles. */
function sourceOfBundle(): SourceOf {
  const maps = new Map<string, SourceMap | null>();
  return (url, line, column) => {
    let map = maps.get(url);
    if (map === undefined) {
      const file = `${fileURLToPath(url)}.map`;
      map = existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : null;
      maps.set(url, map);
    }
    const entry = map?.findEntry(line, column);
    return entry !== undefined && 'originalSource' in entry
      ? entry.originalSource.replace(/^(\.\.\/)+/, '')
      : null;
  };
}
