import ts from 'typescript';

/** The functions of Jest that give a name to a test or to a group of tests. */
const namingFunctions = new Set(['describe', 'it', 'test']);
/** Their properties that keep a test from running. */
const disabling = new Set(['skip', 'todo']);

/** A name as it stands in the source, with `…` for each computed part. */
export interface TestName {
  readonly text: string;
  /** Line of the source, from 1 on. */
  readonly line: number;
}

/**
 * Returns the texts in a test file that name tests. A name is the first argument of `describe`, `it` or `test`, or a
 * string outside every test function: a row of `test.each` or of a table from which a loop makes tests. Strings inside
 * the function of a test are not names. Names of tests that never run (`skip`, `todo`) are left out.
 *
 * The source is parsed and not run. So a scan of the whole repository takes a few seconds and starts no server.
 */
export function testNames(file: string, source: string): TestName[] {
  const root = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const names: TestName[] = [];

  const add = (node: ts.Node): boolean => {
    const text = textOf(node);
    if (text === null) return false;
    names.push({ text, line: root.getLineAndCharacterOfPosition(node.getStart(root)).line + 1 });
    return true;
  };

  /** @param naming whether a string here names a test */
  const visit = (node: ts.Node, naming: boolean): void => {
    if (ts.isImportDeclaration(node)) return;
    if (naming && add(node)) return;
    if (ts.isCallExpression(node)) {
      const called = calledFunction(node);
      if (called !== null) return called.disabled ? undefined : visitNaming(node, called.name, naming);
    }
    const inside = naming && !ts.isFunctionLike(node);
    node.forEachChild((child) => visit(child, inside));
  };

  const visitNaming = (call: ts.CallExpression, name: string, naming: boolean): void => {
    visit(call.expression, naming);
    const [title, ...others] = call.arguments;
    if (title) visit(title, true);
    for (const other of others) {
      // The function of `describe` only declares tests. All of its strings outside their functions are names.
      const body = ts.isFunctionLike(other) && 'body' in other ? other.body : undefined;
      if (name === 'describe' && body) visit(body, true);
      else visit(other, false);
    }
  };

  visit(root, true);
  return names;
}

/** Returns the naming function that a call such as `test.each(table)(title, run)` calls, or null for another call. */
function calledFunction(call: ts.CallExpression): { name: string; disabled: boolean } | null {
  let disabled = false;
  let expression: ts.Expression = call.expression;
  while (!ts.isIdentifier(expression)) {
    if (ts.isPropertyAccessExpression(expression)) {
      disabled ||= disabling.has(expression.name.text);
      expression = expression.expression;
    } else if (ts.isCallExpression(expression)) expression = expression.expression;
    else if (ts.isTaggedTemplateExpression(expression)) expression = expression.tag;
    else return null;
  }
  return namingFunctions.has(expression.text) ? { name: expression.text, disabled } : null;
}

/** Returns the text of a string literal, of a template or of a sum of both, or null for another node. */
function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const left = textOf(node.left);
    const right = textOf(node.right);
    if (left === null && right === null) return null;
    return `${left ?? '…'}${right ?? '…'}`;
  }
  return null;
}
