'use strict';

const swc = (jsc) => ({
  swcrc: false,
  sourceMaps: 'inline',
  module: { type: 'commonjs' },
  jsc: { target: 'es2022', ...jsc },
});

/**
 * swc only strips the types; `npm run typecheck` is what checks them. Imports written the way Node
 * wants them (`./x.js`, `./x.mjs`) are tried as written first, then as the TypeScript file beside.
 *
 * @type {import('jest').Config}
 */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  moduleFileExtensions: ['js', 'cjs', 'mjs', 'ts', 'tsx', 'mts', 'json', 'node'],
  moduleNameMapper: { '^(\\.{1,2}/.+)\\.(m?)js$': ['$1.$2js', '$1.$2ts'] },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // It loads its one dependency by `import()`, which jest's own module system does not know.
  transformIgnorePatterns: ['/node_modules/(?!@fastify/cookie/)'],
  transform: {
    '/@fastify/cookie/.+\\.js$': ['@swc/jest', swc({ parser: { syntax: 'ecmascript' } })],
    '^.+\\.m?ts$': ['@swc/jest', swc({ parser: { syntax: 'typescript' } })],
    '^.+\\.tsx$': [
      '@swc/jest',
      swc({
        parser: { syntax: 'typescript', tsx: true },
        transform: { react: { runtime: 'automatic', importSource: 'preact' } },
      }),
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/totals-reporter.cjs'],
  // It ends a hang on a busy machine and measures nothing.
  testTimeout: 120_000,
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
  // Three test files at a time, since most of their time is waiting: each may own a database, a Temporal server and a Stripe sandbox.
  maxWorkers: 3,
};
