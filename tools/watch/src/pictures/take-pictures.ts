import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MonitoredLab } from '../monitored-lab.ts';
import { dashboardSchema } from './dashboard-json.ts';
import { pageWidth, renderPage } from './page.ts';

/** Time in which the graphs fill before a member is killed, and from its restart to the pictures. */
const historyMs = 90_000;
/** Time for which the first killed member is down. */
const downMs = 20_000;
/** Time from the kill of the second member to the pictures: its alert fires after a second. */
const failureMs = 12_000;
const chromiumMsMax = 60_000;

/**
 * Takes a picture of each dashboard, from its committed JSON. One member has failed and returned, and another one is down.
 *
 * @param monitoring absolute path of the monitoring folder
 * @param folder of the pictures
 */
export async function takePictures(
  lab: MonitoredLab,
  monitoring: string,
  folder: string,
  print: (text: string) => void,
): Promise<void> {
  const ids = lab.cluster.layout.members.map(({ id }) => id);
  const [first = '', , second = first] = ids;
  const from = Date.now() / 1_000;
  await sleep(historyMs);
  await lab.cluster.fault('kill', [[second]]);
  print(`killed ${second}`);
  await sleep(downMs);
  await lab.cluster.fault('start', [[second]]);
  await sleep(historyMs);
  const last = ids.at(-1) ?? first;
  await lab.cluster.fault('kill', [[last]]);
  print(`killed ${last}`);
  await sleep(failureMs);
  const to = Date.now() / 1_000;
  mkdirSync(folder, { recursive: true });
  const dashboards = join(monitoring, 'grafana', 'dashboards');
  for (const file of readdirSync(dashboards).sort()) {
    const dashboard = dashboardSchema.parse(JSON.parse(readFileSync(join(dashboards, file), 'utf8')));
    const page = await renderPage(dashboard, { api: lab.api, from, to, member: first });
    const picture = join(folder, `${dashboard.uid.replace('mqtt-cluster-', '')}.png`);
    takePicture(page.html, page.height, picture);
    print(`${picture}  ${Math.round(statSync(picture).size / 1_024)} KiB`);
  }
}

function takePicture(html: string, height: number, picture: string): void {
  const file = `${picture}.html`;
  writeFileSync(file, html);
  const options = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--force-device-scale-factor=1',
  ];
  const size = [`--window-size=${pageWidth},${height}`, `--screenshot=${picture}`, `file://${file}`];
  try {
    execFileSync('chromium', [...options, ...size], { stdio: 'ignore', timeout: chromiumMsMax });
  } finally {
    rmSync(file);
  }
}
