import { describe, expect, test } from '@jest/globals';
import { documentedTags, lostTags, tagsOf, untaggedTask } from '../src/tags-check.ts';

const included = '- name: Include it\n  ansible.builtin.include_role:\n    name: one\n';

describe('tags', () => {
  test('returns a dynamic inclusion with tags that do not reach its tasks', () => {
    expect(lostTags(`- name: First\n  ansible.builtin.ping:\n${included}  tags: [one]\n`)).toBe('Include it');
  });

  test.each([
    included,
    `${included}    apply: { tags: [one] }\n  tags: [one]\n`,
    included.replace('include', 'import') + '  tags: [one]\n',
  ])('accepts %j', (text) => {
    expect(lostTags(text)).toBeUndefined();
  });

  test('returns the first task without a tag, with its playbook', () => {
    const output =
      'playbook: a.yml\n\n  play #1 (all): One\tTAGS: []\n    tasks:\n      role : Do it\tTAGS: [x]\n      role : Forget it\tTAGS: []\n';
    expect(untaggedTask(output)).toBe('a.yml: the task "role : Forget it" has no tag');
    expect(untaggedTask(output.replace(/Forget it\tTAGS: \[\]/, 'Do\tTAGS: [always]'))).toBeNull();
  });

  test('lists the tags of plays and tasks once, without those of ansible itself', () => {
    expect(tagsOf('play #1\tTAGS: [always,b]\n  one\tTAGS: [a, b]\n  two\tTAGS: []\n')).toEqual(['a', 'b']);
  });

  test('reads the documented tags from the first column of the table', () => {
    const text = '### Tags\n\n| tag | what |\n| --- | --- |\n| `b`, `a` | `c` |\n\n## Next\n\n| `d` | x |\n';
    expect(documentedTags(text)).toEqual(['a', 'b']);
  });
});
