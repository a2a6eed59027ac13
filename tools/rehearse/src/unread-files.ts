/** The files of a role, as text in the layout that ansible-lint accepts. */
export interface RoleText {
  readonly tasks: string;
  readonly handlers: string;
  /** Constants of the role (`vars/main.yml`). */
  readonly vars: string;
}

/** A unit, and how it reads files: `restarted` or `reloaded`. */
interface Reading {
  readonly unit: string;
  readonly change: string;
}

/**
 * Returns the files for which a task notifies a handler, although container_host/tasks/reread.yml does not compare them for the same
 * unit and the same change. If the playbook fails between such a task and its handler, the unit never reads the file.
 *
 * Tasks that delete files are left out: a deletion changes the folder, which other tasks of the role name.
 */
export function unreadFiles(role: RoleText): string[] {
  const handlers = handlersOf(role);
  const compared = rereadsOf(role);
  return partsOf(role.tasks).flatMap((task) => {
    const names = [...task.matchAll(/^ *notify: (.*)$/gm)].map(([, name]) => name!);
    if (/^ *state: absent$/m.test(task)) return [];
    return names.flatMap((name) => {
      const path = resolve(valueOf(task, 'dest') || valueOf(task, 'path'), role.vars);
      const handler = handlers.get(name);
      const isCompared =
        handler !== undefined &&
        compared.some(
          ({ unit, change, files }) =>
            unit === handler.unit && change === handler.change && files.some((file) => contains(file, path)),
        );
      return isCompared ? [] : [`${path} (${name})`];
    });
  });
}

/** Returns whether a path is a file, or is below it. A path without its end, such as `/a/{{ item }}`, is below `/a`. */
function contains(file: string, path: string): boolean {
  return path === file || path.startsWith(`${file}/`);
}

function handlersOf({ handlers, vars }: RoleText): ReadonlyMap<string, Reading> {
  return new Map(
    partsOf(handlers).map((handler) => [
      /^ *- name: (.*)$/m.exec(handler)?.[1] ?? '',
      {
        unit: resolve(/^ {4}name: (.*)$/m.exec(handler)?.[1] ?? '', vars),
        change: valueOf(handler, 'state'),
      },
    ]),
  );
}

/** Returns the files that each unit compares: from the variables of the task, or from the entries of its loop. */
function rereadsOf({ tasks, vars }: RoleText): readonly (Reading & { readonly files: readonly string[] })[] {
  return partsOf(tasks)
    .filter((task) => /^ *tasks_from: reread$/m.test(task))
    .flatMap((task) => {
      const entries = [...task.matchAll(/^ *- \{ unit: (\S+), files: \[(.*)\], change: (\w+) \}$/gm)];
      if (entries.length > 0)
        return entries.map(([, unit, files, change]) => ({
          unit: unit!,
          change: change!,
          files: files!.split(/, */).map((file) => resolve(file, vars)),
        }));
      return [
        {
          unit: resolve(valueOf(task, 'container_host_unit'), vars),
          change: valueOf(task, 'container_host_change'),
          files: listOf(task, 'container_host_files', vars),
        },
      ];
    });
}

/** Returns a list of a task or of the constants: on one line, on one line for each entry, or in a constant. */
function listOf(text: string, name: string, vars: string): readonly string[] {
  const value = valueOf(text, name);
  const [, constant] = /^\{\{ (\w+) \}\}$/.exec(value) ?? [];
  if (constant !== undefined) return listOf(vars, constant, vars);
  const [, lines = ''] = new RegExp(`^ *${name}:\\n((?: *- .*\\n)+)`, 'm').exec(text) ?? [];
  const entries =
    value === ''
      ? [...lines.matchAll(/^ *- (.*)$/gm)].map(([, each]) => each!)
      : value.slice(1, -1).split(/, */);
  return entries.map((entry) => resolve(entry, vars));
}

function valueOf(text: string, name: string): string {
  const [, value = ''] = new RegExp(`^ *${name}: (.*)$`, 'm').exec(text) ?? [];
  return withoutQuotes(value);
}

/** Replaces the names of constants by their values. */
function resolve(text: string, vars: string): string {
  return withoutQuotes(text).replaceAll(
    /\{\{ (\w+) \}\}/g,
    (written, name: string) => valueOf(vars, name) || written,
  );
}

function withoutQuotes(text: string): string {
  return text.replaceAll(/^"|"$/g, '');
}

function partsOf(text: string): string[] {
  return text.split(/^(?= *- name: )/m).filter((part) => /^ *- name: /.test(part));
}
