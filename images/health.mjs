/**
 * Health check of the container: requests /healthz from the application. Exits with 0 if the answer is 2xx,
 * otherwise with 1.
 */
const environment = process.env;
const asBroker = environment.MQTT_CLUSTER_ID !== undefined;
const prefix = asBroker ? 'MQTT_CLUSTER' : 'MQTT_CLIENT';
const listens = (asBroker ? environment.MQTT_CLUSTER_HOST : environment.MQTT_CLIENT_HTTP_HOST) || '*';
const host = listens === '*' || listens === '0.0.0.0' ? '127.0.0.1' : listens;
const port = environment[`${prefix}_HTTP_PORT`] || (asBroker ? '9100' : '9110');
const timeoutMs = 4_000;

try {
  const answer = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(timeoutMs) });
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
