'use strict';

/**
 * The five floors of src and what stands beside them. Every import points down, and a folder takes
 * from its own floor only where a rule below says so:
 *
 *   5  client  gateway
 *   4  workflows  worker
 *   3  activities
 *   2  db  stripe  config
 *   1  domain
 *   beside: local/ (with the Stripe sandbox as a process of its own), test/, bench/
 *
 * test/tooling/import-rules.test.ts has a bad file for every rule here; a rule without one fails it.
 */

const FLOOR_5 = 'client|gateway';
const FLOOR_4 = 'workflows|worker';
const FLOOR_3 = 'activities';
const FLOOR_2 = 'db|stripe|config';
const FLOOR_1 = 'domain';
const GATEWAY_COMMAND = '^src/client/commands/gateway[.]ts$';
const LOCAL_UP = '^src/client/commands/local-up[.]ts$';

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const forbidden = [
  {
    name: 'src-has-five-floors',
    comment: 'A folder that is on no floor would escape every other rule.',
    severity: 'error',
    from: { path: '^src/' },
    to: {
      path: '^src/',
      pathNot: `^src/(${FLOOR_1}|${FLOOR_2}|${FLOOR_3}|${FLOOR_4}|${FLOOR_5})/`,
    },
  },

  // Floor 1
  {
    name: 'domain-is-pure',
    comment: 'No npm package, no Node built-in, no other floor: it runs inside workflows too.',
    severity: 'error',
    from: { path: '^src/domain/' },
    to: { pathNot: '^src/domain/' },
  },

  // Floor 2
  {
    name: 'floor-2-looks-down',
    severity: 'error',
    from: { path: `^src/(${FLOOR_2})/` },
    to: { path: `^src/(${FLOOR_3}|${FLOOR_4}|${FLOOR_5})/` },
  },
  {
    name: 'floor-2-neighbours-apart',
    comment: 'The database does not know Stripe, Stripe not the database, the settings neither.',
    severity: 'error',
    from: { path: `^src/(${FLOOR_2})/` },
    to: { path: `^src/(${FLOOR_2})/`, pathNot: '^src/$1/' },
  },

  // Floor 3
  {
    name: 'floor-3-looks-down',
    severity: 'error',
    from: { path: `^src/(${FLOOR_3})/` },
    to: { path: `^src/(${FLOOR_4}|${FLOOR_5})/` },
  },

  // Floor 4
  {
    name: 'workflows-do-no-io',
    comment: 'Workflow code is replayed: values from domain and the workflow SDK, nothing else.',
    severity: 'error',
    from: { path: '^src/workflows/' },
    to: {
      pathNot: [
        '^src/(workflows|domain|activities)/',
        'node_modules/@temporalio/(workflow|common)/',
      ],
    },
  },
  {
    name: 'workflows-take-only-types-from-activities',
    comment: 'A value would pull the Stripe and Postgres clients into the workflow bundle.',
    severity: 'error',
    from: { path: '^src/workflows/' },
    to: { path: '^src/activities/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'workflows-see-one-activity-file',
    severity: 'error',
    from: { path: '^src/workflows/' },
    to: { path: '^src/activities/', pathNot: '^src/activities/index[.]ts$' },
  },
  {
    name: 'worker-looks-down',
    severity: 'error',
    from: { path: '^src/worker/' },
    to: { path: `^src/(${FLOOR_5})/` },
  },
  {
    name: 'worker-takes-workflows-by-path',
    comment: 'The worker gives the bundler a path; an import would run workflow code outside.',
    severity: 'error',
    from: { path: '^src/worker/' },
    to: { path: '^src/workflows/' },
  },

  // Floor 5
  {
    name: 'gateway-gives-no-command',
    comment:
      'It does what commands do by the same functions; options and printing are the terminal’s.',
    severity: 'error',
    from: { path: '^src/gateway/' },
    to: { path: '^src/client/(cli[.]ts$|commands/)' },
  },
  {
    name: 'only-its-command-knows-the-gateway',
    severity: 'error',
    from: { path: '^src/client/', pathNot: GATEWAY_COMMAND },
    to: { path: '^src/gateway/' },
  },
  {
    name: 'gateway-command-starts-it-when-asked',
    comment: 'A static import would load an HTTP server for every command.',
    severity: 'error',
    from: { path: GATEWAY_COMMAND },
    to: { path: '^src/gateway/', dynamic: false, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'outsiders-see-only-workflow-messages',
    comment: 'Names and types of workflows are in domain/contracts, their messages in one file.',
    severity: 'error',
    from: { path: `^src/(${FLOOR_5})/` },
    to: { path: '^src/workflows/', pathNot: '^src/workflows/messages[.]ts$' },
  },

  // Beside the floors
  {
    name: 'src-imports-only-src',
    comment:
      'Production code does not know the local stack, except the one command that starts it.',
    severity: 'error',
    from: { path: '^src/', pathNot: LOCAL_UP },
    to: { path: '^(local|bench)/' },
  },
  {
    name: 'local-up-imports-one-local-file',
    severity: 'error',
    from: { path: LOCAL_UP },
    to: { path: '^(local|bench)/', pathNot: '^local/local-up[.]ts$' },
  },
  {
    name: 'local-up-loads-the-stack-when-asked',
    comment: 'A static import would load the local stack, and its devDependencies, in production.',
    severity: 'error',
    from: { path: LOCAL_UP },
    to: { path: '^local/', dynamic: false, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'sandbox-stands-alone',
    comment: 'The Stripe sandbox must not share our misunderstandings of Stripe.',
    severity: 'error',
    from: { path: '^local/stripe-sandbox/' },
    to: { path: '^(src|local|bench)/', pathNot: '^local/stripe-sandbox/' },
  },
  {
    name: 'only-tests-import-tests',
    severity: 'error',
    from: { pathNot: '^test/' },
    to: { path: '^test/' },
  },
  {
    name: 'no-cycles',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden,
  options: {
    // Imports of types count too: they are what a floor knows about another.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
