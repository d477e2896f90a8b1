import {
  CONSOLE_ADDRESSES_MAX,
  CONSOLE_WRONG_LOGINS_MAX,
  CONSOLE_WRONG_LOGINS_WINDOW_MS,
} from '../../domain/limits';

interface Tries {
  readonly sinceMs: number;
  readonly count: number;
}

/**
 * Counts wrong logins by the address that they come from, so that guessing is slow. After too many of them no login
 * from there is looked at, right or wrong, until the window that began with the first of them is over. Kept by each
 * gateway for itself.
 */
export class WrongLogins {
  private readonly byAddress = new Map<string, Tries>();

  constructor(private readonly nowMs: () => number = Date.now) {}

  /** How long a login from this address has to wait; 0 where it is looked at. */
  waitMs(address: string): number {
    const tries = this.triesOf(address);
    return tries === undefined || tries.count < CONSOLE_WRONG_LOGINS_MAX ? 0 : this.leftMs(tries);
  }

  count(address: string): void {
    const tries = this.triesOf(address) ?? { sinceMs: this.nowMs(), count: 0 };
    this.byAddress.set(address, { ...tries, count: tries.count + 1 });
    const [oldest] = this.byAddress.keys();
    if (this.byAddress.size > CONSOLE_ADDRESSES_MAX && oldest !== undefined) {
      this.byAddress.delete(oldest);
    }
  }

  private triesOf(address: string): Tries | undefined {
    const tries = this.byAddress.get(address);
    if (tries !== undefined && this.leftMs(tries) <= 0) {
      this.byAddress.delete(address);
      return undefined;
    }
    return tries;
  }

  private leftMs({ sinceMs }: Tries): number {
    return sinceMs + CONSOLE_WRONG_LOGINS_WINDOW_MS - this.nowMs();
  }
}
