import { Duplex } from 'node:stream';
import { seededRandom } from '@mqtt-cluster/kit';
import { streamTarget } from '../src/online/stream-target.ts';

/** Attacks a server that answers each connection with these pieces and closes it. */
async function attack(...answers: string[]): Promise<void> {
  const open = (): Duplex => {
    const pieces = [...answers];
    const read = function (this: Duplex): void {
      const piece = pieces.shift();
      setImmediate(() => this.push(piece === undefined ? null : Buffer.from(piece)));
    };
    return new Duplex({ read, write: (_chunk, _encoding, done) => done() });
  };
  const sequence = { pieces: [Buffer.from('attack')], ending: 'close' } as const;
  const target = streamTarget('stream', { name: 'memory', open }, () => sequence, 'secret');
  await target.run(seededRandom(1, 'stream'));
}

describe('the watch for the secret of the witness', () => {
  it.each([[['a secret b']], [['xxsec', 'retxx']], [['s', 'e', 'c', 'r', 'e', 't']]])(
    'reports a server that sends it in the pieces %j',
    async (answers) => {
      await expect(attack(...answers)).rejects.toThrow(/received a message of the witness/);
    },
  );

  it.each([[[]], [['sec', 'x', 'ret']], [['secre', 'secre']]])(
    'reports nothing for the pieces %j',
    async (answers: string[]) => {
      await expect(attack(...answers)).resolves.toBeUndefined();
    },
  );
});
