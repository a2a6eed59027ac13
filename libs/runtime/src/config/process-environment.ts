export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Sets variables of this process and returns a function that restores the former values. The value undefined
 * deletes a variable. Needed because node-config takes some of its inputs from `process.env` only.
 */
export function overrideEnvironment(variables: Environment): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  for (const [name, value] of Object.entries(variables)) assign(name, value);
  return () => {
    for (const [name, value] of before) assign(name, value);
  };
}

function assign(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
