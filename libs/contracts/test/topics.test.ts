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
  it('puts every channel between members under the prefix that clients may not use', () => {
    expect(bridgeTopics).toEqual({ raft: '$bridge/raft', log: '$bridge/log', live: '$bridge/live' });
    for (const topic of Object.values(bridgeTopics)) expect(topic.startsWith(bridgeTopicPrefix)).toBe(true);
  });

  it('keeps the topics of admin commands, their answers and the member list', () => {
    expect(adminTopicPrefix).toBe('$cluster/admin/');
    expect(adminAnswerTopic('north-1')).toBe('$SYS/cluster/admin/north-1');
    expect(membersTopic).toBe('$SYS/cluster/members');
  });

  it('names group, signal and QoS in a telemetry topic, and the group in its state topic', () => {
    expect(telemetryTopic('plant', 'pressure', 2)).toBe('telemetry/plant/pressure/qos2');
    expect(groupStateTopic('plant')).toBe('groups/plant/state');
  });
});
