'use strict';

const { default: TestSequencer } = require('@jest/test-sequencer');

/** Whose tests start whole stacks and many processes, longest first; the others take seconds. */
const LONG_FOLDERS = ['e2e', 'workflows', 'client', 'browser'];

function rankOf({ path }) {
  const rank = LONG_FOLDERS.findIndex((folder) => path.includes(`/test/${folder}/`));
  return rank === -1 ? LONG_FOLDERS.length : rank;
}

/**
 * Long files begin first, so that no worker waits for a long one at the end. How long a file takes is known from its last
 * run; where it never ran here, jest itself goes by its size, and a file of ten lines may run another one's tests.
 */
class LongestFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isKnown = sorted.some(({ duration }) => duration !== undefined);
    return isKnown ? sorted : sorted.sort((one, other) => rankOf(one) - rankOf(other));
  }
}

module.exports = LongestFirst;
