import {
  filterToSubjects,
  isCovered,
  subjectFault,
  subjectToTopic,
  topicToSubject,
} from '../../src/jetstream/subjects.ts';

// The examples of the MQTT documentation of nats-server, and those of its function mqttToNATSSubjectConversion.
test.each([
  ['foo/bar', 'foo.bar'],
  ['/foo/bar', '/.foo.bar'],
  ['foo/bar/', 'foo.bar./'],
  ['foo//bar', 'foo./.bar'],
  ['/', '/./'],
  ['//foo', '/./.foo'],
  ['a.b/c', 'a//b.c'],
  ['a/.', 'a.//'],
])('the topic %s has the subject %s, and the subject has the topic', (topic, subject) => {
  expect(topicToSubject(topic)).toBe(subject);
  expect(subjectToTopic(subject)).toBe(topic);
});

test.each([
  ['foo/+/bar', ['foo.*.bar']],
  ['foo/#', ['foo.>', 'foo']],
  ['#', ['>']],
  ['+/a.b', ['*.a//b']],
])('the filter %s has the subjects %j', (filter, subjects) => {
  expect(filterToSubjects(filter)).toEqual(subjects);
});

test.each(['a b', 'a/\t', 'a/*', 'a/>/b', `a/${'x'.repeat(4_000)}`])('%j has no subject', (topic) => {
  expect(subjectFault(topic)).not.toBeNull();
});

test('a token with a single slash belongs to no topic: topics would not be distinct', () => {
  expect(subjectToTopic('a/b.c')).toBeNull();
  expect(subjectFault('a*b/>c')).toBeNull();
});

test.each([
  ['a.b', ['a.*'], true],
  ['a.>', ['a.>'], true],
  ['a.>', ['a.*'], false],
  ['a.*', ['a.b'], false],
  ['a', ['a.>'], false],
  ['a.b.c', ['a.*', '*.b.>'], true],
])('%s is covered by %j: %s', (inner, outer, covered) => {
  expect(isCovered(inner, outer)).toBe(covered);
});
