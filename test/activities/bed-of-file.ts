/**
 * Goal: a test file says in one line that it works on a bed of its own.
 * Method: the bed is opened before the file's tests, calmed after each and closed after all.
 */
import { openActivityBed, type ActivityBed } from './activity-bed';

/**
 * @param check what has to hold after each test, asked before pauses are lifted and clocks put back
 * @returns filled when the first `beforeAll` has run: to be used in hooks and tests only
 */
export function bedOfFile(
  check: (bed: ActivityBed) => Promise<void> = () => Promise.resolve(),
): ActivityBed {
  const bed = {} as ActivityBed;
  beforeAll(async () => {
    Object.assign(bed, await openActivityBed());
  });
  afterEach(async () => {
    try {
      await check(bed);
    } finally {
      await bed.calm();
    }
  });
  afterAll(() => bed.close());
  return bed;
}
