/** Prefix of the variables that a real inventory keeps in its vault. */
const vaultPrefix = 'vault_';
/** Shorter texts are parts of other words. */
const charactersMin = 6;
/** Fields of a vault's entry that are no secrets. */
const publicFields = ['name', 'role', 'groups'];

/** Returns the secrets among the variables of an inventory: all texts of the vault except names, roles and groups. */
export function secretsOf(variables: Readonly<Record<string, unknown>>): string[] {
  const vault = Object.entries(variables).filter(([name]) => name.startsWith(vaultPrefix));
  return [...new Set(vault.flatMap(([, value]) => textsOf(value)))];
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.length < charactersMin ? [] : [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) =>
    publicFields.includes(name) ? [] : textsOf(field),
  );
}

/** Returns the first line of a text that contains a secret, or null. */
export function lineWithSecret(text: string, secrets: readonly string[]): string | null {
  return text.split('\n').find((line) => secrets.some((secret) => line.includes(secret))) ?? null;
}
