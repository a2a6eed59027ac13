/** Lint rule for the whole workspace: files and packages import each other in one direction only, types included. */
export default {
  forbidden: [
    {
      name: 'no-import-cycle',
      comment: 'A cycle has no reading order: move what both files need into a third file.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'] },
  },
};
