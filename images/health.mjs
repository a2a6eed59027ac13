/**
 * Health check of the container: requests /healthz from the application. Exits with 0 if the answer is 2xx,
 * otherwise with 1.
 */
import { readFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

const environment = process.env;
const asBroker = environment.MQTT_CLUSTER_ID !== undefined;
const prefix = asBroker ? 'MQTT_CLUSTER' : 'MQTT_CLIENT';
const listens = (asBroker ? environment.MQTT_CLUSTER_HOST : environment.MQTT_CLIENT_HTTP_HOST) || '*';
const host = listens === '*' || listens === '0.0.0.0' ? '127.0.0.1' : listens;
const port = environment[`${prefix}_HTTP_PORT`] || (asBroker ? '9100' : '9110');
const timeoutMs = 4_000;

const keyFile = environment[`${prefix}_HTTP_TLS_KEY`];

/** Returns the status code of the answer. */
function ask() {
  // The certificate need not name the loopback address. If the member demands a certificate, it accepts its own.
  const tls = keyFile
    ? {
        rejectUnauthorized: false,
        key: readFileSync(keyFile),
        cert: readFileSync(environment[`${prefix}_HTTP_TLS_CERT`]),
      }
    : {};
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const request = (keyFile ? requestTls : requestPlain)({ host, port, path: '/healthz', signal, ...tls });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
    request.end();
  });
}

try {
  process.exitCode = (await ask()) < 300 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
