import { RehearsalError } from '../errors.ts';
import { waitFor } from '@mqtt-cluster/kit';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

const unit = 'mqtt-cluster-broker.service';
const samplesMax = 3_000;
const sampleMsMax = 300_000;
/** Bound of one request: a closed port answers at once, and only a busy machine takes longer. */
const answerSecondsMax = 20;

/** State of a host during the start of its broker: systemd's state, and then the member's readiness. */
export interface Sample {
  /** ActiveState of the systemd unit: `activating`, `active`, ... */
  readonly state: string;
  /** HTTP status of /readyz; 0 without an answer. */
  readonly ready: number;
}

/**
 * Restarts the broker and samples the states many times a second until systemd reports `active`. Samples of the former
 * process are skipped: it is active while it drains, and rightly no longer ready.
 */
function script(address: string): string {
  return [
    `old=$(systemctl show --property=InvocationID --value ${unit})`,
    `systemctl restart --no-block ${unit}`,
    `for n in $(seq ${samplesMax}); do`,
    `  set -- $(systemctl show --property=InvocationID,ActiveState --value ${unit})`,
    `  ready=$(curl --silent --max-time ${answerSecondsMax} --output /dev/null --write-out '%{http_code}' http://${address}:9100/readyz)`,
    // systemd prints both values in an order of its own: the one with 32 characters is the id.
    `  state=; id=; for word in "$@"; do if [ \${#word} = 32 ]; then id=$word; else state=$word; fi; done`,
    `  [ "$id" = "$old" ] && { sleep 0.05; continue; }`,
    `  echo "$state $ready"`,
    `  [ "$state" = active ] && exit 0`,
    `  sleep 0.05`,
    `done`,
  ].join('\n');
}

/** @throws RehearsalError when systemd reported `active` before the member was ready, or was never seen `activating` */
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
        const said = (await host.ssh(`systemctl status ${unit} | grep -E 'Active:|Status:'`)).trim();
        return said.includes('active (running)') ? said : undefined;
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
