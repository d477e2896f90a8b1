import type { OrderResult, OrderRun } from './order-run';

/** An order that goes on, or went on, without its page. */
export interface OrderUnderWay {
  readonly title: string;
  readonly actor: string;
  readonly begunAt: Date;
  /** How many transfers it has dealt with. */
  readonly dealtWith: number;
  /** `failed`: it ended early by an error; undefined while it goes on. */
  readonly result: OrderResult | 'failed' | undefined;
}

interface Begun {
  /** The path of the page that it is about. */
  readonly place: string;
  readonly title: string;
  readonly actor: string;
  /** Whether orders about the same winners wait for its end. */
  readonly takesTurn: boolean;
}

/**
 * Orders about many take longer than a page may: a hundred thousand rows are changed and recorded one by one. So a page
 * waits for a while; then the order goes on in this process, whatever becomes of the page, and its place shows how far
 * it is. A process that dies on the way leaves those who were reached as ordered and the others as they were.
 */
export class OrdersUnderWay {
  private readonly stopped = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  /** The newest one of each place; few, as most orders end while their page waits. */
  private readonly shown = new Map<string, { order: OrderUnderWay }>();

  /** Those that others wait for, by their place. */
  private readonly turns = new Map<string, { order: OrderUnderWay }>();

  constructor(private readonly waitMs: number) {}

  /** The newest order about this place that its page has not waited for. */
  of(place: string): OrderUnderWay | undefined {
    return this.shown.get(place)?.order;
  }

  /** The order that one about this place, or about something in it, has to wait for. */
  takenBy(place: string): OrderUnderWay | undefined {
    const taken = [...this.turns.keys()].find((each) => `${place}/`.startsWith(`${each}/`));
    return taken === undefined ? undefined : this.turns.get(taken)?.order;
  }

  /**
   * Carries an order out.
   * @param onEnd told how it ended, where the page has not waited for it
   * @returns what became of it; undefined where it goes on
   * @throws what `work` throws while it is waited for
   */
  async carryOut(
    { place, takesTurn, ...begun }: Begun,
    work: (run: OrderRun) => Promise<OrderResult>,
    onEnd: (end: PromiseSettledResult<OrderResult>, dealtWith: number) => void,
  ): Promise<OrderResult | undefined> {
    const entry: { order: OrderUnderWay } = {
      order: { ...begun, begunAt: new Date(), dealtWith: 0, result: undefined },
    };
    const change = (changed: Partial<OrderUnderWay>) => {
      entry.order = { ...entry.order, ...changed };
    };
    if (this.of(place)?.result !== undefined) {
      // How an order ended is read by then: the next one about the same place is given from its page.
      this.shown.delete(place);
    }
    const run = {
      signal: this.stopped.signal,
      onProgress: (dealtWith: number) => change({ dealtWith }),
    };
    if (takesTurn) {
      this.turns.set(place, entry);
    }
    const ended = this.keep(work(run)).finally(() => {
      if (this.turns.get(place) === entry) {
        this.turns.delete(place);
      }
    });
    const inTime = await withinTime(ended, this.waitMs);
    if (inTime !== undefined) {
      return valueOf(inTime);
    }
    this.shown.set(place, entry);
    void ended.then((end) => {
      change({ result: end.status === 'fulfilled' ? end.value : 'failed' });
      onEnd(end, entry.order.dealtWith);
    });
    return undefined;
  }

  /** No order goes further than those transfers that it is dealing with. */
  stop(): void {
    this.stopped.abort();
  }

  /** Until none is carried out any more. */
  async ended(): Promise<void> {
    await Promise.all(this.running);
  }

  private keep<Result>(work: Promise<Result>): Promise<PromiseSettledResult<Result>> {
    const ended = Promise.allSettled([work]).then(([end]) => end);
    this.running.add(ended);
    void ended.then(() => this.running.delete(ended));
    return ended;
  }
}

async function withinTime<Result>(
  work: Promise<Result>,
  waitMs: number,
): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), waitMs);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

function valueOf<Result>(end: PromiseSettledResult<Result>): Result {
  if (end.status === 'rejected') {
    throw end.reason;
  }
  return end.value;
}
