import { builtinModules } from 'node:module';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** drizzle-kit and jest take the default export of these; everywhere else exports have names. */
const DEFAULT_EXPORT_FILES = ['*.config.ts', 'test/support/global-*.ts'];

const NODE_BUILT_INS = {
  regex: `^(node:.+|(${builtinModules.join('|')})(/.*)?)$`,
  message: 'Workflow code is replayed; what needs Node belongs in an activity.',
};
const IO_PACKAGES = {
  regex: '^(pg|stripe|drizzle-orm|@temporalio/(activity|client|worker|testing))(/.*)?$',
  message: 'Workflow code is replayed; what does I/O belongs in an activity.',
};
const ACTIVITY_VALUES = {
  regex: '^(\\.\\./)+activities(/index)?(\\.js)?$',
  allowTypeImports: true,
  message: 'Import the type only and call it through proxyActivities.',
};
const ACTIVITY_FILES = {
  regex: '^(\\.\\./)+activities/(?!index(\\.js)?$)',
  message: 'Workflows see one activity file: the types of activities/index.',
};
const NOT_DOMAIN = {
  regex: '^[^.]',
  message: 'Domain imports nothing outside itself.',
};

const UNREPLAYABLE_GLOBALS = [
  'process',
  'fetch',
  'console',
  'Buffer',
  'setInterval',
  'WeakRef',
  'FinalizationRegistry',
].map((name) => ({ name, message: 'Not there, or not the same, when a workflow is replayed.' }));
const IMPURE_GLOBALS = [
  { name: 'Date', message: 'Domain is told the time: pass it in.' },
  { name: 'performance', message: 'Domain is told the time: pass it in.' },
  { name: 'crypto', message: 'Domain draws no random numbers and hashes nothing: pass it in.' },
];

/** The global itself and the way round it, `globalThis.process`. */
const bannedGlobals = (globals) => ['error', { globals, checkGlobalObject: true }];

export default defineConfig(
  {
    ignores: ['**/node_modules/', 'dist/', 'coverage/', 'drizzle/', '.local/'],
  },
  {
    linterOptions: {
      reportUnusedDisableDirectives: 'error',
      reportUnusedInlineConfigs: 'error',
    },
    rules: {
      curly: 'error',
      eqeqeq: 'error',
      'no-constant-binary-expression': 'error',
      'no-promise-executor-return': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unreachable-loop': 'error',
      'no-unsafe-finally': 'error',
      'no-useless-assignment': 'error',
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksConditionals: true, checksSpreads: true, checksVoidReturn: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      // A number in a message reads as it is; objects and undefined in one stay errors.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => close()` is how callbacks are written here.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 4 }],
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
    },
  },
  {
    files: ['src/workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [NODE_BUILT_INS, IO_PACKAGES, ACTIVITY_VALUES, ACTIVITY_FILES] },
      ],
      'no-restricted-globals': bannedGlobals(UNREPLAYABLE_GLOBALS),
    },
  },
  {
    files: ['src/domain/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [NOT_DOMAIN] }],
      'no-restricted-globals': bannedGlobals([...UNREPLAYABLE_GLOBALS, ...IMPURE_GLOBALS]),
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Domain draws no random numbers.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      // expect(service.method), rows[0]! and expect.any(String) are the ways of jest tests.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  {
    files: DEFAULT_EXPORT_FILES,
    rules: { 'no-restricted-exports': 'off' },
  },
  {
    files: ['**/*.cjs', '**/*.mjs', '**/*.js'],
    extends: [tseslint.configs.recommended],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
