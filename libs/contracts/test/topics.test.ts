import {
  adminAnswerTopic,
  adminTopicPrefix,
  bridgeTopicPrefix,
  bridgeTopics,
  groupStateTopic,
  membersTopic,
  telemetryTopic,
} from '../src/index.ts';

/**
 * Clients, scripts of operators and members of other versions use these topics. A change breaks all of them.
 */
describe('topics that other programs depend on', () => {
  it('start with the prefix that clients may not use, for every channel between members', () => {
    expect(bridgeTopics).toEqual({ raft: '$bridge/raft', log: '$bridge/log', live: '$bridge/live' });
    for (const topic of Object.values(bridgeTopics)) expect(topic.startsWith(bridgeTopicPrefix)).toBe(true);
  });

  it('stay the same for admin commands, their answers and the member list', () => {
    expect(adminTopicPrefix).toBe('$cluster/admin/');
    expect(adminAnswerTopic('north-1')).toBe('$SYS/cluster/admin/north-1');
    expect(membersTopic).toBe('$SYS/cluster/members');
  });

  it('contain group, signal and QoS for telemetry, and the group for the state of a group', () => {
    expect(telemetryTopic('plant', 'pressure', 2)).toBe('telemetry/plant/pressure/qos2');
    expect(groupStateTopic('plant')).toBe('groups/plant/state');
  });
});
