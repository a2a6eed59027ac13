/**
 * Replaces the appliance in the lab's tests: reads the same environment variables, serves /readyz and
 * /status, and listens at its MQTT and cluster addresses. Counts its starts in a file
 * of its data folder, so that a test can distinguish a wipe from a restart.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';

const setting = (name) => process.env[`MQTT_CLUSTER_${name}`];
const host = setting('HOST');
if (setting('FAIL') === 'true') {
  process.stderr.write('the setting "fail" is true\n');
  process.exit(3);
}
const file = join(setting('DATA'), 'starts');
mkdirSync(setting('DATA'), { recursive: true });
const starts = (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0) + 1;
writeFileSync(file, String(starts));

createServer((socket) => socket.pipe(socket)).listen(Number(setting('CLUSTER_PORT')), host);
createServer((socket) => socket.on('error', () => undefined)).listen(Number(setting('MQTT_PORT')), host);
createHttpServer((request, response) => {
  const status = {
    id: setting('ID'),
    state: 'serving',
    role: 'follower',
    connections: 0,
    appliedIndex: starts,
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...status, peers: {}, counters: { starts } }));
}).listen(Number(setting('HTTP_PORT')), host);

// Writes the faults that it has read to a second file, as the appliance does.
const faults = setting('TESTING_FAULTS');
let applied = '';
setInterval(() => {
  const text = existsSync(faults) ? readFileSync(faults, 'utf8') : '';
  if (text === applied) return;
  applied = text;
  writeFileSync(`${faults}.applied`, text);
}, 10);
process.on('SIGTERM', () => process.exit(0));
