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
describe('the topics', () => {
  it('of all bridge channels start with $bridge/, which clients may not use', () => {
    expect(bridgeTopics).toEqual({ raft: '$bridge/raft', log: '$bridge/log', live: '$bridge/live' });
    for (const topic of Object.values(bridgeTopics)) expect(topic.startsWith(bridgeTopicPrefix)).toBe(true);
  });

  it('of admin commands, of their results and of the member list are unchanged', () => {
    expect(adminTopicPrefix).toBe('$cluster/admin/');
    expect(adminAnswerTopic('north-1')).toBe('$SYS/cluster/admin/north-1');
    expect(membersTopic).toBe('$SYS/cluster/members');
  });

  it('of telemetry contain group, signal and QoS, and the topic of a group state contains the group', () => {
    expect(telemetryTopic('plant', 'pressure', 2)).toBe('telemetry/plant/pressure/qos2');
    expect(groupStateTopic('plant')).toBe('groups/plant/state');
  });
});
