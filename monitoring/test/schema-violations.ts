import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** The types that @grafana/schema declares, to check JSON against. */
export interface GrafanaTypes {
  readonly checker: ts.TypeChecker;
  /** @param file path below `dist/types/raw` of the package, without `.d.ts` */
  readonly typeOf: (file: string, name: string) => ts.Type;
}

const folder = join(
  dirname(createRequire(import.meta.url).resolve('@grafana/schema/package.json')),
  'dist',
  'types',
  'raw',
);

/** Loads declaration files of @grafana/schema. @param files paths as for `typeOf` */
export function grafanaTypes(files: readonly string[]): GrafanaTypes {
  const path = (file: string): string => join(folder, `${file}.d.ts`);
  const program = ts.createProgram(files.map(path), {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  });
  const checker = program.getTypeChecker();
  return {
    checker,
    typeOf: (file, name) => {
      const source = program.getSourceFile(path(file));
      const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
      const found = module && checker.getExportsOfModule(module).find((symbol) => symbol.name === name);
      if (found === undefined) throw new Error(`@grafana/schema declares no ${name} in ${file}`);
      return checker.getDeclaredTypeOfSymbol(found);
    },
  };
}

/** How `schemaViolations` treats missing properties. Grafana replaces missing panel options by the defaults of the panel plugin. */
export type MissingPropertyMode = 'report' | 'ignore';

/** Returns one line for each place where a JSON value violates a type: wrong kinds, unknown and missing properties. */
export function schemaViolations(
  checker: ts.TypeChecker,
  type: ts.Type,
  value: unknown,
  missing: MissingPropertyMode,
  path = '',
): string[] {
  const inner = (of: ts.Type, part: unknown, name: string): string[] =>
    schemaViolations(checker, of, part, missing, `${path}${name}`);
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return [];
  if (type.isUnion()) {
    const nothing = ts.TypeFlags.Undefined | ts.TypeFlags.Null;
    const parts = type.types.filter(
      ({ flags }) => value === undefined || value === null || !(flags & nothing),
    );
    const tries = parts.map((part) => inner(part, value, ''));
    return tries.reduce((best, found) => (found.length < best.length ? found : best));
  }
  const wrong = [
    `${path || '/'}: ${JSON.stringify(value)?.slice(0, 60)} is not ${checker.typeToString(type)}`,
  ];
  if (type.isStringLiteral() || type.isNumberLiteral()) return type.value === value ? [] : wrong;
  if (type.flags & ts.TypeFlags.BooleanLiteral)
    return checker.typeToString(type) === String(value) ? [] : wrong;
  if (type.flags & ts.TypeFlags.StringLike) return typeof value === 'string' ? [] : wrong;
  if (type.flags & ts.TypeFlags.NumberLike) return typeof value === 'number' ? [] : wrong;
  if (type.flags & ts.TypeFlags.BooleanLike) return typeof value === 'boolean' ? [] : wrong;
  if (type.flags & ts.TypeFlags.Null) return value === null ? [] : wrong;
  if (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) return value === undefined ? [] : wrong;
  if (checker.isArrayType(type)) {
    const [element] = checker.getTypeArguments(type as ts.TypeReference);
    if (!Array.isArray(value) || element === undefined) return wrong;
    return value.flatMap((part, index) => inner(element, part, `/${index}`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong;
  return objectViolations(checker, type, value as Record<string, unknown>, missing, path);
}

function objectViolations(
  checker: ts.TypeChecker,
  type: ts.Type,
  value: Readonly<Record<string, unknown>>,
  missing: MissingPropertyMode,
  path: string,
): string[] {
  const properties = new Map(checker.getPropertiesOfType(type).map((symbol) => [symbol.name, symbol]));
  const others = checker.getIndexInfoOfType(type, ts.IndexKind.String)?.type;
  const isOpen = properties.size === 0 && others === undefined;
  const found = Object.entries(value).flatMap(([name, part]) => {
    const property = properties.get(name);
    const of = property === undefined ? others : checker.getTypeOfSymbol(property);
    if (of === undefined)
      return isOpen ? [] : [`${path}/${name}: ${checker.typeToString(type)} has no such property`];
    return schemaViolations(checker, of, part, missing, `${path}/${name}`);
  });
  if (missing === 'ignore') return found;
  const absent = [...properties.values()].filter(
    ({ name, flags }) => !(flags & ts.SymbolFlags.Optional) && !(name in value),
  );
  return [...found, ...absent.map(({ name }) => `${path}/${name}: missing`)];
}
