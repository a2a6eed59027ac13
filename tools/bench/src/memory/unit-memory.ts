import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const mebibyte = 1024 * 1024;

/** What the playbooks derive from `broker_publisher_memory_max`. */
export interface UnitMemory {
  /** `MemoryMax=` of the unit, and `limits.memoryBytesMax` of the member. */
  readonly limitBytes: number;
  /** `MemoryHigh=` of the unit. */
  readonly highBytes: number;
  readonly nodeFlags: readonly string[];
}

/**
 * Derives the settings of a unit from its memory with the factors of the role `broker_publisher`, so that the bench
 * measures what the playbooks deploy. @param role folder of the role
 *
 * @throws Error when a file of the role has another form
 */
export function unitMemory(limitBytes: number, role: string): UnitMemory {
  const factor = (file: string, form: RegExp): string => {
    const found = form.exec(readFileSync(join(role, file), 'utf8'))?.[1];
    if (found === undefined)
      throw new Error(`${join(role, file)} does not match ${form}: adapt the bench to it`);
    return found;
  };
  const heapShare = factor(
    'vars/main.yml',
    /--max-old-space-size=' ~ \(broker_publisher_memory_bytes \| int \* ([\d.]+) \/ 1048576\) \| int/,
  );
  const highShare = factor(
    'templates/broker-publisher.service.j2',
    /^MemoryHigh=\{\{ \(broker_publisher_memory_bytes \| int \* ([\d.]+)\) \| int \}\}$/m,
  );
  const more = factor('defaults/main.yml', /^broker_publisher_node_options_more: (.*)$/m);
  const heap = Math.floor((limitBytes * Number(heapShare)) / mebibyte);
  return {
    limitBytes,
    highBytes: Math.floor(limitBytes * Number(highShare)),
    nodeFlags: [...more.split(' '), `--max-old-space-size=${heap}`],
  };
}
