'use strict';

const { writeSync } = require('node:fs');

const STDOUT = 1;

/**
 * Prints the totals of a run as its very last line, for people and programs that read only that.
 *
 * The line is written when the process exits: what jest itself says after its reporters comes before.
 */
class TotalsReporter {
  constructor() {
    this.line = '0 passed, 1 failed';
    process.once('exit', () => {
      writeSync(STDOUT, `${this.line}\n`);
    });
  }

  onRunComplete(_contexts, results) {
    // A file that cannot even be loaded has no tests to count, and must not look like success.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    // The last line has one form; what was skipped is said above it, and each skipped test says why itself.
    const before = skipped === 0 ? '' : `${skipped} skipped\n`;
    this.line = `${before}${results.numPassedTests} passed, ${failed} failed`;
  }
}

module.exports = TotalsReporter;
