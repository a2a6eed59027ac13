import { RehearsalError } from '../errors.ts';
import { waitFor } from '@mqtt-cluster/kit';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

const unit = 'mqtt-cluster-broker.service';
const samplesMax = 3_000;
const sampleMsMax = 300_000;
/** Longest duration of one request of /readyz, in seconds. An answer takes long only on a busy machine. */
const answerSecondsMax = 20;

/** One sample during the start of a broker: the state of the systemd unit, and the member's readiness right after that. */
export interface Sample {
  /** ActiveState of the systemd unit: `activating`, `active`, ... */
  readonly state: string;
  /** HTTP status of /readyz; 0 when no answer arrived. */
  readonly ready: number;
}

/**
 * Returns a script that restarts the broker and samples its states many times a second until systemd reports
 * `active`. The script skips samples of the old process, which is active but not ready while it drains.
 */
function script(address: string): string {
  return [
    `old=$(systemctl show --property=InvocationID --value ${unit})`,
    `systemctl restart --no-block ${unit}`,
    `for n in $(seq ${samplesMax}); do`,
    `  set -- $(systemctl show --property=InvocationID,ActiveState --value ${unit})`,
    `  ready=$(curl --silent --max-time ${answerSecondsMax} --output /dev/null --write-out '%{http_code}' http://${address}:9100/readyz)`,
    // systemd prints the two values in an unspecified order. The value with 32 characters is the id.
    `  state=; id=; for word in "$@"; do if [ \${#word} = 32 ]; then id=$word; else state=$word; fi; done`,
    `  [ "$id" = "$old" ] && { sleep 0.05; continue; }`,
    `  echo "$state $ready"`,
    `  [ "$state" = active ] && exit 0`,
    `  sleep 0.05`,
    `done`,
  ].join('\n');
}

/**
 * Checks that systemd reported `active` only when the member was ready.
 * @throws RehearsalError when the check fails, when no sample is `activating`, or when no sample is `active`
 */
export function assertReadyBeforeActive(samples: readonly Sample[]): void {
  const starting = samples.filter(({ state }) => state === 'activating');
  const active = samples.filter(({ state }) => state === 'active');
  if (starting.length === 0) throw new RehearsalError('systemd never reported "activating"');
  if (active.length === 0) throw new RehearsalError('systemd never reported "active"');
  const early = active.find(({ ready }) => ready !== 200);
  if (early !== undefined) {
    throw new RehearsalError(`systemd reported "active" while /readyz returned ${early.ready || 'nothing'}`);
  }
}

/** Parses the output of the sampling script. */
export function parseSamples(text: string): Sample[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [state = '', ready = '0'] = line.split(' ');
      return { state, ready: Number(ready) };
    });
}

export const restart: Step = {
  name: 'restart a broker: systemd reports active only when the broker serves',
  async run({ bed, cluster, clients, log }: RehearsalContext) {
    const host = bed.host(await clients.busiest());
    const before = await clients.snapshot();
    const samples = parseSamples(await host.ssh(script(host.address), sampleMsMax));
    assertReadyBeforeActive(samples);
    const starting = samples.filter(({ state }) => state === 'activating').length;
    log(`${host.address}: activating in ${starting} samples, then active, with status 200 of /readyz`);
    const text = await waitFor(
      'the status of the unit',
      async () => {
        const lines = (await host.ssh(`systemctl status ${unit} | grep -E 'Active:|Status:'`)).trim();
        return lines.includes('active (running)') ? lines : undefined;
      },
      { timeoutMs: sampleMsMax },
    );
    logAll(
      log,
      text.split('\n').map((line) => line.trim()),
    );
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, { reconnectsMax: 1, perHostMax: 1 }));
  },
};
