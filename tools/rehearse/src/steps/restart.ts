import { RehearsalError } from '../errors.ts';
import { until } from '../poll.ts';
import { tellAll } from './scene.ts';
import type { Scene, Step } from './scene.ts';

const unit = 'mqtt-cluster-broker.service';
const samplesMax = 3_000;
const sampleMsMax = 300_000;
/** A refused connection is an answer at once; only a busy machine takes longer. */
const answerSecondsMax = 20;

/** One look at a host while its broker starts: systemd first, then at once the member. */
export interface Sample {
  /** Of systemd: `activating`, `active`, ... */
  readonly state: string;
  /** HTTP status of /readyz; 0 when nobody answers. */
  readonly ready: number;
}

/**
 * Restarts the broker and looks many times a second until systemd says active. Only looks at the new start count: the former
 * process is active while it drains, and rightly no longer ready.
 */
function script(address: string): string {
  return [
    `old=$(systemctl show --property=InvocationID --value ${unit})`,
    `systemctl restart --no-block ${unit}`,
    `for n in $(seq ${samplesMax}); do`,
    `  set -- $(systemctl show --property=InvocationID,ActiveState --value ${unit})`,
    `  ready=$(curl --silent --max-time ${answerSecondsMax} --output /dev/null --write-out '%{http_code}' http://${address}:9100/readyz)`,
    // systemd prints both in an order of its own: the one with digits and 32 letters is the id.
    `  state=; id=; for word in "$@"; do if [ \${#word} = 32 ]; then id=$word; else state=$word; fi; done`,
    `  [ "$id" = "$old" ] && { sleep 0.05; continue; }`,
    `  echo "$state $ready"`,
    `  [ "$state" = active ] && exit 0`,
    `  sleep 0.05`,
    `done`,
  ].join('\n');
}

/** @throws RehearsalError when it was said to be started before it served, or was never seen starting */
export function assertReadyBeforeActive(samples: readonly Sample[]): void {
  const starting = samples.filter(({ state }) => state === 'activating');
  const active = samples.filter(({ state }) => state === 'active');
  if (starting.length === 0) throw new RehearsalError('systemd was never seen saying "activating"');
  if (active.length === 0) throw new RehearsalError('systemd never said "active"');
  const early = active.find(({ ready }) => ready !== 200);
  if (early !== undefined) {
    throw new RehearsalError(`systemd said "active" while /readyz answered ${early.ready || 'nothing'}`);
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
  name: 'restart a broker: systemd says active only once it serves',
  async run({ bed, cluster, clients, tell }: Scene) {
    const host = bed.host(await clients.busiest());
    const before = await clients.marks();
    const samples = parseSamples(await host.ssh(script(host.address), sampleMsMax));
    assertReadyBeforeActive(samples);
    const starting = samples.filter(({ state }) => state === 'activating').length;
    tell(`${host.address}: seen activating ${starting} times, then active, with /readyz at 200`);
    const text = await until('a line of status', sampleMsMax, async () => {
      const said = (await host.ssh(`systemctl status ${unit} | grep -E 'Active:|Status:'`)).trim();
      return said.includes('active (running)') ? said : undefined;
    });
    tellAll(
      tell,
      text.split('\n').map((line) => line.trim()),
    );
    await cluster.well();
    tellAll(tell, await clients.judge(before, { reconnectsMax: 1, perHostMax: 1 }));
  },
};
