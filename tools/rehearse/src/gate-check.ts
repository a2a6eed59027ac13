import { inFolder, inventoryWithLost, messagesIn, playLocally, withHealth } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

type Answers = Parameters<typeof withHealth>[0];

interface Case {
  readonly what: string;
  /** Answers of the brokers. The other brokers do not answer. The playbook asks the broker two first. */
  readonly answers: Answers;
  /** Text of the message with which the playbook stops; null if it must not stop. */
  readonly message: string | null;
}

/** The first task of the last part of replace-host.yml. The parts before it need a real host. */
const waiting = 'Wait until the new member is healthy';

/** The new member is one. The member three is lost, too. */
const partlyHealthy = {
  healthy: false,
  majority: true,
  reason: 'three: it does not answer',
  members: [
    { id: 'one', ok: true },
    { id: 'two', ok: true },
    { id: 'three', ok: false },
  ],
};
const isolated = { healthy: false, majority: false, reason: 'the fault of two', members: [] };

const cases: readonly Case[] = [
  { what: 'a healthy new member while another one is lost', answers: { two: partlyHealthy }, message: null },
  {
    what: 'a new member that is not healthy',
    answers: {
      two: {
        ...partlyHealthy,
        reason: 'one: it lacks entries',
        members: [
          { id: 'one', ok: false },
          { id: 'two', ok: true },
          { id: 'three', ok: true },
        ],
      },
    },
    message: 'the health check of the cluster at two failed: "one: it lacks entries"',
  },
  {
    what: 'a new member that the cluster does not know',
    answers: { two: { ...partlyHealthy, members: [{ id: 'two', ok: true }] } },
    message: 'the health check of the cluster at two failed',
  },
  {
    what: 'a healthy new member without a majority',
    answers: { two: { ...partlyHealthy, majority: false } },
    message: 'the health check of the cluster at two failed',
  },
  {
    what: 'a first broker that is isolated',
    answers: { two: isolated, three: partlyHealthy },
    message: null,
  },
  {
    what: 'a first broker that is isolated, and no other that answers',
    answers: { two: isolated },
    message: 'the health check of the cluster at two failed: "the fault of two"',
  },
  { what: 'a first broker that does not answer', answers: { three: partlyHealthy }, message: null },
  { what: 'no broker that answers', answers: {}, message: 'the health check of the cluster at two failed' },
];

/**
 * Runs the last part of replace-host.yml. It must read the health of the cluster from a broker that answers and, if there is one,
 * that sees a majority. It must wait for the new member, and for no other one.
 *
 * @returns the first fault, or null
 */
export async function gateFault(ansible: string): Promise<string | null> {
  for (const each of cases) {
    const fault = await inFolder('gate', (folder) => faultOf(each, ansible, folder));
    if (fault !== null) return `${each.what}: ${fault}`;
  }
  return null;
}

async function faultOf({ answers, message }: Case, ansible: string, folder: string): Promise<string | null> {
  const { status, output } = await withHealth(answers, (port) =>
    playLocally(
      ansible,
      ['-i', inventoryWithLost(folder, []), 'playbooks/replace-host.yml', '--start-at-task', waiting],
      {
        variables: {
          host: 'one',
          broker_publisher_http_port: String(port),
          broker_publisher_gate_retries: '1',
          broker_publisher_poll_seconds: '0',
        },
      },
    ),
  );
  if (!output.includes(`TASK [${waiting}]`)) return `the playbook has no task "${waiting}"`;
  if (message === null) return status === 0 ? null : firstFailure(output);
  if (status === 0) return 'the playbook reports success';
  return messagesIn(output).includes(message) ? null : `expected "${message}": ${firstFailure(output)}`;
}
