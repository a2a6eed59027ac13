/** Programs that check files: a pattern of the path on the host, and a word of the command that checks the file. */
const checkers: readonly (readonly [RegExp, string])[] = [
  [/^\/etc\/systemd\/system\/.*\.timer$/, 'systemd-analyze calendar'],
  [/^\/etc\/systemd\/system\//, 'systemd-analyze verify'],
  [/^\/etc\/default\//, 'sh -n'],
  [/_script \}\}$/, 'sh -n'],
  [/\/haproxy\.cfg$/, 'haproxy -c'],
  [/\/keepalived\.conf$/, 'keepalived --config-test'],
  [/\/prometheus\.yml$/, 'promtool check config'],
  [/^\/etc\/prometheus\/mqtt-cluster\//, 'promtool check rules'],
  [/\/alertmanager\.yml$/, 'amtool check-config'],
  // The role applies these rules before it copies them to the file that is read at the next boot.
  [/\/wanted\.nft$/, 'nft --check'],
];

/**
 * Returns the paths of the files that replace a former file of a program without a check by this program. A wrong file would
 * end the program at its next start.
 *
 * @param text tasks in the layout that ansible-lint accepts
 */
export function uncheckedFiles(text: string): string[] {
  return text
    .split(/^(?= *- name: )/m)
    .filter((task) => /^ *ansible\.builtin\.(?:template|copy):/m.test(task))
    .flatMap((task) => {
      const [, path = ''] = /^ *dest: "?([^"\n]+)"?$/m.exec(task) ?? [];
      const checker = checkers.find(([pattern]) => pattern.test(path));
      if (checker === undefined) return [];
      const [, command = ''] = /^ *validate: ((?:.*\n?)+)/m.exec(task) ?? [];
      return command.includes(checker[1]) ? [] : [path];
    });
}
