import type { Member } from '../api/types.ts';

/** A member's state: a shape and a word, so that the state can be read without colours. */
export function StateMark({ member }: { member: Pick<Member, 'reachable' | 'state'> }) {
  const state = member.reachable ? (member.state ?? 'unknown') : 'unreachable';
  const kind = { serving: 'good', joining: 'busy', draining: 'busy' }[state as string] ?? 'bad';
  return <span class={`mark mark-${kind}`}>{state}</span>;
}

export function ConnectionMark({ isConnected }: { isConnected: boolean }) {
  return (
    <span class={isConnected ? 'mark mark-good' : 'mark mark-off'}>
      {isConnected ? 'connected' : 'offline'}
    </span>
  );
}

export function QoSMark({ qos }: { qos: number }) {
  return <span class={`qos qos-${qos}`}>QoS {qos}</span>;
}

export function Tag({ text }: { text: string }) {
  return <span class="tag">{text}</span>;
}
