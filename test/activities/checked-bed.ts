/**
 * Goal: no test of an activity ends with money that is not right, whatever it was about.
 * Method: after each test every statement about money is asked. A file that mocks what the statements read has to take
 * the bed without them.
 */
import { brokenInvariants } from '../support/invariants';
import type { ActivityBed } from './activity-bed';
import { bedOfFile } from './bed-of-file';

export function checkedBedOfFile(): ActivityBed {
  return bedOfFile(async (bed) => {
    expect(await brokenInvariants(bed)).toEqual([]);
  });
}
