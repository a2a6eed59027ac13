import { expect, test } from '@jest/globals';
import { rateOf, sorted, TopicTree } from '../src/pages/topics/topic-tree.ts';

const message = (topic: string, text = 'x', retain = false) => ({
  topic,
  payload: new TextEncoder().encode(text),
  qos: 0,
  retain,
});

test('a level can be a topic and have levels below it', () => {
  const tree = new TopicTree();
  tree.add(message('plant', 'a'), 1_000);
  tree.add(message('plant/line1', 'b', true), 1_000);
  tree.add(message('/x'), 1_000);
  expect(sorted(tree.root).map(({ level }) => level)).toEqual(['', 'plant']);
  const plant = tree.find('plant');
  expect([plant?.topics, plant?.messages, plant?.value?.payloadBytes]).toEqual([2, 2, 1]);
  expect(tree.find('plant/line1')?.value?.isRetained).toBe(true);
  expect(tree.find('plant/line2')).toBeNull();
});

test('keeps at most its number of topics, and counts the messages of the others', () => {
  const tree = new TopicTree({ topicsMax: 3, messagesPerSecondMax: 1_000 });
  for (let index = 0; index < 10; index += 1) tree.add(message(`a/${index}`), 1_000);
  tree.add(message('a/0', 'second'), 1_000);
  expect([tree.root.topics, tree.ignored, tree.find('a/0')?.messages]).toEqual([3, 7, 2]);
  expect(tree.find('a/5')).toBeNull();
});

test('takes in a bounded number of messages a second, and keeps the beginning of a large payload', () => {
  const tree = new TopicTree({ topicsMax: 10, messagesPerSecondMax: 2 });
  for (const atMs of [1_000, 1_100, 1_200, 2_000]) tree.add(message('a', 'y'.repeat(100_000)), atMs);
  expect([tree.root.messages, tree.skipped]).toEqual([3, 1]);
  const value = tree.find('a')?.value;
  expect([value?.payload.length, value?.payloadBytes]).toEqual([16 * 1024, 100_000]);
});

test('a topic with hundreds of levels cannot make the page recurse', () => {
  const tree = new TopicTree();
  tree.add(message('a/'.repeat(500)), 1_000);
  expect([tree.root.topics, tree.ignored]).toEqual([0, 1]);
});

test('a rate approaches the rate of a steady topic and falls to zero after its last message', () => {
  const tree = new TopicTree();
  for (let atMs = 0; atMs < 60_000; atMs += 100) tree.add(message('a/b'), atMs);
  const node = tree.find('a/b');
  if (node === null) throw new Error('the topic is missing');
  expect(rateOf(node, 60_000)).toBeGreaterThan(9);
  expect(rateOf(node, 60_000)).toBeLessThan(11);
  expect(rateOf(tree.root, 60_000)).toBe(rateOf(node, 60_000));
  expect(rateOf(node, 120_000)).toBe(0);
});

test('searches by a part of the topic, in the order of the tree, and not more than asked for', () => {
  const tree = new TopicTree();
  for (const topic of ['b/temp', 'a/temp/1', 'a/temp', 'c']) tree.add(message(topic), 1_000);
  expect(tree.search('temp', 10).map(({ path }) => path)).toEqual(['a/temp', 'a/temp/1', 'b/temp']);
  expect(tree.search('temp', 1)).toHaveLength(1);
});

test('a level with the name of a property of objects is a level like others', () => {
  const tree = new TopicTree();
  for (const topic of ['__proto__/constructor', 'toString']) tree.add(message(topic), 1_000);
  expect(tree.find('__proto__/constructor')?.messages).toBe(1);
  expect(tree.root.topics).toBe(2);
});
