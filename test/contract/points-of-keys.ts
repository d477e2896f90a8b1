import {
  agreement,
  finding,
  transferRequest,
  type Finding,
  type OpenPoint,
  type TransferForm,
} from './open-point';
import { summary, type RawReply } from './raw-stripe';
import { NotAsked, type SetUp } from './set-up';

/** What the second send of a key brought. */
function again(reply: RawReply): string {
  return reply.isReplayed ? 'replayed' : 'not replayed';
}

/** Nobody has it; whether an account is missing is what the point asks. */
const NOBODY = 'acct_1ContractNobody00';

interface Refusal {
  readonly assumed: string;
  readonly form: (setUp: SetUp) => Pick<TransferForm, 'destination' | 'amountMinor'>;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  balance: {
    assumed: '400 balance_insufficient, replayed',
    form: (setUp) => ({ destination: setUp.payee(), amountMinor: setUp.availableMinor + 1 }),
  },
  missing: {
    assumed: '400 resource_missing, replayed',
    form: () => ({ destination: NOBODY }),
  },
  capability: {
    assumed: '400 insufficient_capabilities_for_transfer, replayed',
    form: (setUp) => ({ destination: setUp.unreadyPayee() }),
  },
};

async function askReplayedRefusals(setUp: SetUp): Promise<Finding> {
  const lines: string[] = [];
  const checks: (boolean | undefined)[] = [];
  for (const [name, { assumed, form }] of Object.entries(REFUSALS)) {
    try {
      const request = transferRequest(setUp, name, { ...form(setUp), point: 1 });
      const first = await setUp.api.send(request);
      const line = `${summary(first)}, ${again(await setUp.api.send(request))}`;
      lines.push(line);
      checks.push(line === assumed);
    } catch (error) {
      if (!(error instanceof NotAsked)) {
        throw error;
      }
      lines.push(`${name}: not asked: ${error.message}`);
      checks.push(undefined);
    }
  }
  return { observed: lines.join('\n'), agree: agreement(checks) };
}

const ADVICE_HEADERS = ['stripe-should-retry', 'stripe-rate-limited-reason', 'retry-after'];

function advice(reply: RawReply | undefined): string {
  if (reply === undefined) {
    return 'did not occur';
  }
  const headers = ADVICE_HEADERS.map((name) => `${name}=${reply.headers.get(name) ?? 'absent'}`);
  return `${reply.code ?? 'no code'}: ${headers.join(', ')}`;
}

const CONFLICT_ASSUMED =
  'idempotency_key_in_use: stripe-should-retry=true, stripe-rate-limited-reason=absent, retry-after=absent';
const LIMITED_ASSUMED =
  /^rate_limit: stripe-should-retry=absent, stripe-rate-limited-reason=(?!absent)\S+, retry-after=absent$/;

const TOGETHER = 10;
/** Four times what a second of test mode allows (docs.stripe.com/rate-limits). */
const BURST = 100;

async function askAdvice(setUp: SetUp): Promise<Finding> {
  const { api } = setUp;
  const request = transferRequest(setUp, 'together', {
    destination: setUp.payee(),
    point: 2,
  });
  const sent = await Promise.all(Array.from({ length: TOGETHER }, () => api.once(request)));
  // Of several at once only one may be executed; the others come while it is.
  const conflict = sent.find(({ status }) => status === 409);
  const path = '/v1/transfers?limit=1';
  const burst = await Promise.all(
    Array.from({ length: BURST }, () => api.once({ method: 'GET', path })),
  );
  const limited = burst.find(({ status }) => status === 429);
  return {
    observed: `409 ${advice(conflict)}\n429 ${advice(limited)}`,
    agree: agreement([
      conflict && advice(conflict) === CONFLICT_ASSUMED,
      limited && LIMITED_ASSUMED.test(advice(limited)),
    ]),
  };
}

const COMPARISON_ASSUMED = 'other order: 200, replayed\nother version: 200, replayed';

/** Valid for years, and not ours. */
const OTHER_VERSION = '2024-06-20';

async function askComparison(setUp: SetUp): Promise<Finding> {
  const request = transferRequest(setUp, 'compared', { destination: setUp.payee(), point: 3 });
  const first = await setUp.api.send(request);
  if (first.status !== 200) {
    throw new NotAsked(`the first transfer was answered ${summary(first)}`);
  }
  const order = await setUp.api.send({ ...request, form: [...request.form].reverse() });
  const version = await setUp.api.send({ ...request, version: OTHER_VERSION });
  return finding(
    `other order: ${summary(order)}, ${again(order)}\n` +
      `other version: ${summary(version)}, ${again(version)}`,
    COMPARISON_ASSUMED,
  );
}

const RESTRICTED_ASSUMED =
  'restricted key twice: 403 invalid_request_error, not replayed\n' +
  'then the other key: 200, not replayed';

async function askRestrictedKey(setUp: SetUp): Promise<Finding> {
  const { restrictedApi } = setUp;
  if (restrictedApi === undefined) {
    throw new NotAsked('STRIPE_CONTRACT_RESTRICTED_KEY is not set');
  }
  const request = transferRequest(setUp, 'restricted', { destination: setUp.payee(), point: 7 });
  const first = await restrictedApi.send(request);
  if (first.status !== 403) {
    throw new NotAsked(`the restricted key was answered ${summary(first)}, not 403`);
  }
  const second = await restrictedApi.send(request);
  const other = await setUp.api.send(request);
  return finding(
    `restricted key twice: ${summary(second)}, ${again(second)}\n` +
      `then the other key: ${summary(other)}, ${again(other)}`,
    RESTRICTED_ASSUMED,
  );
}

export const REPLAYED_REFUSALS: OpenPoint = {
  number: 1,
  question: 'Which refusals does a key keep?',
  assumed: Object.values(REFUSALS)
    .map(({ assumed }) => assumed)
    .join('\n'),
  ask: askReplayedRefusals,
};

export const ADVICE: OpenPoint = {
  number: 2,
  question: 'Which headers do 409 and 429 bring?',
  assumed: `409 ${CONFLICT_ASSUMED}\n429 rate_limit: with stripe-rate-limited-reason, without the others`,
  ask: askAdvice,
};

export const COMPARISON: OpenPoint = {
  number: 3,
  question: 'Do order of parameters and Stripe-Version count when a key is repeated?',
  assumed: COMPARISON_ASSUMED,
  ask: askComparison,
};

export const RESTRICTED_KEY: OpenPoint = {
  number: 7,
  question: 'Does a key keep the 403 of a restricted key?',
  assumed: `${RESTRICTED_ASSUMED}\n(our code takes a new key after a 403 either way)`,
  ask: askRestrictedKey,
};
