import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** The layers that the command line may import. */
const belowCommandLine = ['type:contracts', 'type:pure', 'type:shell', 'type:api'];

/** What may import what: the architecture, as a rule. Nothing imports upwards. */
const layers = [
  { sourceTag: 'type:contracts', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:pure', onlyDependOnLibsWithTags: ['type:contracts', 'type:pure'] },
  { sourceTag: 'type:shell', onlyDependOnLibsWithTags: ['type:contracts'] },
  { sourceTag: 'type:client', onlyDependOnLibsWithTags: ['type:contracts', 'type:client'] },
  { sourceTag: 'type:api', onlyDependOnLibsWithTags: ['type:contracts'] },
  // The message pages of the store run in the simulator, on a simulated file system.
  {
    sourceTag: 'type:simulation',
    onlyDependOnLibsWithTags: ['type:contracts', 'type:pure', 'runs-in:simulation'],
  },
  { sourceTag: 'type:command-line', onlyDependOnLibsWithTags: belowCommandLine },
  // The appliance contains the command line: `broker-publisher admin`.
  {
    sourceTag: 'type:app',
    onlyDependOnLibsWithTags: [...belowCommandLine, 'type:client', 'type:command-line'],
  },
  // Independent of the code that it checks.
  { sourceTag: 'type:checker', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:monitoring', onlyDependOnLibsWithTags: ['type:contracts'] },
  {
    sourceTag: 'type:tool',
    onlyDependOnLibsWithTags: [
      'type:contracts',
      'type:pure',
      'type:shell',
      'type:client',
      'type:api',
      'type:simulation',
      'type:app',
      'type:checker',
      'type:monitoring',
      'type:tool',
    ],
  },
];

const namedExportsOnly = { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' };

/** Calls that return what somebody else wrote: its type is a claim until a schema has checked it. */
const decodingCalls = [
  "CallExpression[callee.object.name='JSON'][callee.property.name='parse']",
  'CallExpression[callee.property.name=/^(unpack|decode)$/]',
  "CallExpression[callee.name='parse']",
  "AwaitExpression > CallExpression[callee.property.name='json']",
];
const noCastOfDecodedInput = decodingCalls.map((call) => ({
  selector: `TSAsExpression:not([typeAnnotation.type='TSUnknownKeyword']) > ${call}`,
  message: 'Decode input with a schema (parseJson, or schema.parse); a cast checks nothing.',
}));

export default tseslint.config(
  { ignores: ['**/node_modules', '**/dist', '.nx', '**/.lab', '**/.lab-*'] },
  ...nx.configs['flat/base'],
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { allow: [], depConstraints: layers, enforceBuildableLibDependency: false },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', namedExportsOnly],
      'max-lines': ['warn', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['tools/**/*.ts'],
    ignores: ['tools/kit/src/reset-socket.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          property: 'resetAndDestroy',
          message:
            'It fails during a shutdown, and the process then never exits: use resetSocket of the kit.',
        },
      ],
    },
  },
  {
    files: ['{libs,apps,tools}/*/src/**/*.{ts,tsx}', 'monitoring/{src,grafana/src}/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', namedExportsOnly, ...noCastOfDecodedInput] },
  },
  {
    files: ['libs/{access,consensus,mqtt-state,member}/src/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'process',
          'performance',
          'fetch',
        ].map((name) => ({
          name,
          message: 'The core is pure: no timers, no clock, no I/O.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Randomness comes in from outside.' },
        { object: 'Date', property: 'now', message: 'Time comes in from outside.' },
      ],
      'no-restricted-imports': ['error', { patterns: ['node:*', '!node:crypto'] }],
    },
  },
);
