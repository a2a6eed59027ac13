/** A task of a playbook or a role, as text. */
interface TaskText {
  readonly name: string;
  readonly text: string;
}

const writes = /^ *(?:ansible\.builtin\.)?(?:template|copy|blockinfile|lineinfile):/m;
const readableByAll = /^ *mode: "?0?\d\d[4567]"?$/m;
const hidden = /^ *(?:no_log: true|diff: false)$/m;
const printsSecret = /\{\{[^}]*(?:password|passphrase|token|secret)\b/i;

/**
 * Returns the names of the tasks whose `--diff` output would contain a secret: the task writes a file that not everybody
 * may read, or its text or template prints a variable with a secret, and it has neither `no_log: true` nor `diff: false`.
 *
 * @param text tasks in the layout that ansible-lint accepts
 * @param templateOf the text of a template of the role, by its name, or an empty text
 */
export function secretsInDiff(text: string, templateOf: (name: string) => string): string[] {
  return tasksOf(text)
    .filter((task) => writes.test(task.text) && !hidden.test(task.text))
    .filter((task) => {
      const [, template = ''] = /^ *src: "?([^"\n]+\.j2)"?$/m.exec(task.text) ?? [];
      return !readableByAll.test(task.text) || printsSecret.test(task.text + templateOf(template));
    })
    .map(({ name }) => name);
}

/** Splits a text at its tasks. A block is one task up to its first inner task. */
function tasksOf(text: string): TaskText[] {
  return text
    .split(/^(?= *- name: )/m)
    .map((part) => ({ name: /^ *- name: (.*)$/m.exec(part)?.[1] ?? '', text: part }))
    .filter(({ name }) => name !== '');
}
