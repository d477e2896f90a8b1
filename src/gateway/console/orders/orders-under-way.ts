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
  private readonly shown = new Map<string, OrderUnderWay>();

  constructor(private readonly waitMs: number) {}

  /** The newest order about this place that its page has not waited for. */
  of(place: string): OrderUnderWay | undefined {
    return this.shown.get(place);
  }

  /**
   * Carries an order out.
   * @param onEnd told how it ended, where the page has not waited for it
   * @returns what became of it; undefined where it goes on
   * @throws what `work` throws while it is waited for
   */
  async carryOut(
    { place, ...begun }: Begun,
    work: (run: OrderRun) => Promise<OrderResult>,
    onEnd: (end: PromiseSettledResult<OrderResult>) => void,
  ): Promise<OrderResult | undefined> {
    let order: OrderUnderWay = { ...begun, begunAt: new Date(), dealtWith: 0, result: undefined };
    let isShown = false;
    const change = (changed: Partial<OrderUnderWay>) => {
      order = { ...order, ...changed };
      if (isShown) {
        this.shown.set(place, order);
      }
    };
    const run = {
      signal: this.stopped.signal,
      onProgress: (dealtWith: number) => change({ dealtWith }),
    };
    const ended = this.keep(work(run));
    const inTime = await withinTime(ended, this.waitMs);
    if (inTime !== undefined) {
      return valueOf(inTime);
    }
    isShown = true;
    change({});
    void ended.then((end) => {
      change({ result: end.status === 'fulfilled' ? end.value : 'failed' });
      onEnd(end);
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
