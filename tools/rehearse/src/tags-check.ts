import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { playLocally } from './local-playbook.ts';

const special = ['always', 'never'];

/**
 * Lists the tasks of all playbooks with their tags. @returns the first task without a tag, a dynamic inclusion whose tag does not
 * reach its tasks, or a difference between the tags of site.yml and those that docs/DEPLOY.md describes; or null
 */
export async function tagsFault(root: string): Promise<string | null> {
  const ansible = join(root, 'ansible');
  for (const path of tasksOf(ansible)) {
    const lost = lostTags(readFileSync(join(ansible, path), 'utf8'));
    if (lost !== undefined)
      return `${path}: the tags of "${lost}" do not reach the included tasks: import it`;
  }
  const playbooks = readdirSync(join(ansible, 'playbooks')).map((file) => join('playbooks', file));
  const args = ['-i', 'inventories/testbed/hosts.yml', '--list-tasks', ...playbooks];
  const { status, output, errorOutput } = await playLocally(ansible, args, {
    variables: { host: '10.0.0.55' },
  });
  if (status !== 0) return errorOutput.trim().split('\n').at(-1) ?? 'ansible failed';
  const untagged = untaggedTask(output);
  if (untagged !== null) return untagged;
  const document = readFileSync(join(root, 'docs/DEPLOY.md'), 'utf8');
  const wanted = documentedTags(document).join(', ');
  const given = tagsOf(playbookOf(output, 'playbooks/site.yml')).join(', ');
  return wanted === given ? null : `site.yml has the tags ${given}, and docs/DEPLOY.md describes ${wanted}`;
}

function tasksOf(ansible: string): string[] {
  return ['playbooks', 'roles'].flatMap((folder) =>
    readdirSync(join(ansible, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => join(folder, path))
      .filter((path) => /^playbooks\/|\/tasks\//.test(path) && path.endsWith('.yml')),
  );
}

/**
 * Returns the name of the first task that includes tasks dynamically and has tags of its own without `apply`. Tags of its play and
 * of its static parents do reach the included tasks.
 *
 * @param text tasks in the layout that ansible-lint accepts
 */
export function lostTags(text: string): string | undefined {
  return text
    .split(/^(?= *- name: )/m)
    .filter((task) => /^ *ansible\.builtin\.include_(role|tasks):/m.test(task))
    .filter((task) => /^ *tags:/m.test(task) && !/^ *apply:/m.test(task))
    .map((task) => /^ *- name: (.*)$/m.exec(task)?.[1] ?? '')
    .at(0);
}

/** @param output output of `ansible-playbook --list-tasks` */
export function untaggedTask(output: string): string | null {
  let place = '';
  for (const line of output.split('\n')) {
    place = /^playbook: (.*)$/.exec(line)?.[1] ?? place;
    const [, task] = /^ {6}(.*?)\s+TAGS: \[\]$/.exec(line) ?? [];
    if (task !== undefined) return `${place}: the task "${task}" has no tag`;
  }
  return null;
}

function playbookOf(output: string, playbook: string): string {
  return output.split(/^(?=playbook: )/m).find((part) => part.startsWith(`playbook: ${playbook}\n`)) ?? '';
}

/** Returns the tags of a list of tasks, without those that have a meaning in ansible itself. */
export function tagsOf(listing: string): string[] {
  const found = [...listing.matchAll(/TAGS: \[(.*)\]/g)].flatMap(([, tags]) => tags!.split(/, */));
  return [...new Set(found)].filter((tag) => tag !== '' && !special.includes(tag)).sort();
}

/** Returns the tags in the first column of the table that follows the heading "Tags". */
export function documentedTags(document: string): string[] {
  const [, chapter = ''] = /^### Tags\n([\s\S]*?)(?=^#|(?![\s\S]))/m.exec(document) ?? [];
  return [...chapter.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) *\|/gm)]
    .flatMap(([, tags]) => tags!.split(', ').map((tag) => tag.replaceAll('`', '').trim()))
    .sort();
}
