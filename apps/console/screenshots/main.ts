/**
 * `npm run console:screenshots`: starts a lab with the devices of a plant, opens each page of the console in Chromium, and
 * writes the pictures into docs/console. It needs `mosquitto` for the picture of a link.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { TestBrowser } from '../test/support/browser.ts';
import type { PageOptions } from '../test/support/browser.ts';
import { RealLab } from '../test/support/real-lab.ts';
import { Plant } from './plant.ts';

const root = process.cwd();
const folder = join(root, 'docs', 'console');
const ports = 5;
/** Time in which the charts of the overview fill. */
const historyMs = 60_000;
/** Time from the kill of a member to the picture of the gaps. */
const faultMs = 12_000;
/** Time in which the rates of the topics become steady. */
const topicsMs = 6_000;
/** Time in which the page changes its colours and its charts. */
const repaintMs = 3_000;
const mosquittoPort = 18_930;
const members = 7;
const killed = 3;
const narrow = { width: 390, height: 844 };

class Album {
  readonly #browser: TestBrowser;
  readonly #url: string;
  #bytes = 0;

  constructor(browser: TestBrowser, url: string) {
    this.#browser = browser;
    this.#url = url;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async open(route: string, options: PageOptions = {}): Promise<Page> {
    const { page } = await this.#browser.page(`${this.#url}/#/${route}`, { height: 800, ...options });
    return page;
  }

  async shoot(page: Page, name: string): Promise<void> {
    // A message of an act before would cover a part of the page.
    for (const message of await page.getByRole('button', { name: 'Dismiss this message' }).all())
      await message.click().catch(() => undefined);
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
    const { size } = statSync(path);
    this.#bytes += size;
    process.stderr.write(`docs/console/${name}.png  ${Math.round(size / 1024)} KiB\n`);
  }

  /** Opens a page, waits until it shows a text, and takes its picture. */
  async take(name: string, route: string, text: string, options: PageOptions = {}): Promise<void> {
    const page = await this.open(route, options);
    await page.getByText(text).first().waitFor();
    await this.shoot(page, name);
    await page.context().close();
  }
}

async function takeTopics(album: Album): Promise<void> {
  const page = await album.open('topics');
  await page.getByText('plant', { exact: true }).first().waitFor();
  for (const path of ['plant', 'plant/line1', 'plant/line1/press'])
    await page.getByRole('button', { name: `Levels below ${path}`, exact: true }).click();
  await page.getByRole('button', { name: 'temperature', exact: true }).click();
  await sleep(topicsMs);
  await album.shoot(page, 'topics');
  await page.context().close();
}

async function takeEvents(album: Album): Promise<void> {
  const page = await album.open('events');
  await page.getByText('oven-line2').first().waitFor();
  await album.shoot(page, 'events');
  await page.context().close();
}

async function takeTry(album: Album): Promise<void> {
  const page = await album.open('try');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await page.getByText('connected', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Subscribe' }).click();
  const messages = page.getByRole('list', { name: 'Messages' });
  await page.getByRole('list', { name: 'Subscriptions of this page' }).getByText('test/#').waitFor();
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await messages.getByText('received').waitFor();
  await messages.getByText('acknowledged').waitFor();
  await album.shoot(page, 'try');
  await page.context().close();
}

async function takeTrace(album: Album): Promise<void> {
  const page = await album.open('trace?client=press-line1');
  await page.getByRole('button', { name: 'Start the trace' }).click();
  await page.getByRole('row').nth(14).waitFor();
  await album.shoot(page, 'trace');
  await page.context().close();
}

/** The picture of the page that asks for user and password: the lab itself admits everybody on this host. */
async function takeSignIn(album: Album): Promise<void> {
  const page = await album.open('overview');
  await page.route('**/api/v1/me', (route) => route.fulfill({ status: 401, json: { status: 401 } }));
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await album.shoot(page, 'sign-in');
  await page.context().close();
}

async function takeFaults(album: Album): Promise<void> {
  const page = await album.open('faults', { height: 1_100 });
  await page.getByRole('checkbox', { name: new RegExp(`m${killed}`) }).check();
  await page.getByRole('button', { name: 'kill', exact: true }).click();
  await page.getByText(`kill:${killed}: done`).waitFor();
  await sleep(faultMs);
  await album.shoot(page, 'faults');
  await page.context().close();
}

async function addUsers(lab: RealLab): Promise<void> {
  const users = [
    ['ann', 'admin', ['operations']],
    ['olga', 'operator', ['operations']],
    ['bob', 'viewer', []],
    ['plant-gateway', null, ['plant']],
  ] as const;
  for (const [name, role, groups] of users)
    await lab.api(`/users/${name}`, 'PUT', { password: 'a password of the lab', role, groups });
}

/** A link to a mosquitto, and one to a port at which nothing listens. */
async function takeLinks(lab: RealLab, album: Album): Promise<void> {
  const rules = [
    { direction: 'out', filter: 'plant/line1/#', remotePrefix: 'copy/' },
    { direction: 'in', filter: 'orders/#' },
  ];
  const mosquitto = spawn('mosquitto', ['-p', `${mosquittoPort}`], { stdio: 'ignore' });
  for (const [name, address] of [
    ['plant-south', `mqtt://127.0.0.1:${mosquittoPort}`],
    ['head-office', 'mqtt://127.0.0.1:9'],
  ] as const)
    await lab.api(`/links/${name}`, 'PUT', { addresses: [address], rules });
  const page = await album.open('links/plant-south');
  await page.getByText('connected', { exact: true }).waitFor();
  await page.getByText('nothing listens').first().waitFor();
  await sleep(topicsMs);
  await album.shoot(page, 'links');
  await page.context().close();
  for (const name of ['plant-south', 'head-office']) await lab.api(`/links/${name}`, 'DELETE');
  mosquitto.kill();
}

async function takeAll(lab: RealLab, album: Album): Promise<void> {
  await addUsers(lab);
  const overview = await album.open('overview');
  const openedAtMs = performance.now();
  await lab.api('/clients/oven-line2/connection', 'DELETE');
  await album.take('clients', 'clients?connected=yes', 'press-line1');
  await album.take('client', 'clients/press-line1', 'plant/line1/press/command');
  await takeTopics(album);
  const retained = 'retained?filter=plant/%23&topic=plant/line1/press/configuration';
  await album.take('retained', retained, 'limit');
  await takeEvents(album);
  await takeTry(album);
  await takeTrace(album);
  await album.take('cluster', 'cluster', 'queuedMessagesMax');
  await takeLinks(lab, album);
  await album.take('users', 'users', 'plant-gateway');
  await takeSignIn(album);
  await sleep(Math.max(0, historyMs - (performance.now() - openedAtMs)));
  await album.shoot(overview, 'overview');
  await takeFaults(album);
  await overview.emulateMedia({ colorScheme: 'dark' });
  await sleep(repaintMs);
  await album.shoot(overview, 'overview-dark');
  await album.take('clients-narrow', 'clients?connected=yes', 'press-line1', narrow);
}

mkdirSync(folder, { recursive: true });
const lab = await RealLab.start({ root, members, ports });
let browser: TestBrowser | undefined;
const plant = new Plant(lab);
try {
  browser = await TestBrowser.open();
  await plant.start();
  const album = new Album(browser, lab.url);
  await takeAll(lab, album);
  process.stderr.write(`${Math.round(album.bytes / 1024)} KiB in all\n`);
} finally {
  plant.stop();
  await browser?.close();
  await lab.stop();
}
