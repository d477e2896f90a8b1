/**
 * One guard that stands in code. A test file mocks the module that holds it, and the mock asks here whether it is on:
 * the product has no such switch.
 */
export class GuardSwitch {
  isOff = false;

  switchOff(): void {
    this.isOff = true;
  }

  switchOn(): void {
    this.isOff = false;
  }
}
