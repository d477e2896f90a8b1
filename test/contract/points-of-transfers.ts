import { setTimeout as delay } from 'node:timers/promises';
import { ID_CHARACTERS_MAX } from '../../src/domain/limits';
import { transferGroup } from '../../src/domain/ids';
import { agreement, transferRequest, type Finding, type OpenPoint } from './open-point';
import { fieldsOf, summary, type RawReply } from './raw-stripe';
import { NotAsked, type SetUp } from './set-up';

const VISIBILITY_TRIES = 3;
const LOOKS_MAX = 150;
const LOOK_PAUSE_MS = 200;

/** Looks, and milliseconds after the answer, until the list of a new transfer's own group shows it. */
async function lookUntilVisible(
  setUp: SetUp,
  tried: number,
): Promise<{ looks: number; waitedMs: number } | undefined> {
  const { api } = setUp;
  const group = `contract:${setUp.run}:visible-${tried}`;
  const made = await api.send(
    transferRequest(setUp, `visible-${tried}`, {
      destination: setUp.payee(),
      group,
      point: 4,
    }),
  );
  if (made.status !== 200) {
    throw new NotAsked(`a transfer was answered ${summary(made)}`);
  }
  const answeredAt = performance.now();
  const path = `/v1/transfers?transfer_group=${encodeURIComponent(group)}`;
  for (let looks = 1; looks <= LOOKS_MAX; looks += 1) {
    const { body } = await api.send({ method: 'GET', path });
    const listed: unknown = body['data'];
    if (
      Array.isArray(listed) &&
      listed.some((entry) => fieldsOf(entry)['id'] === made.body['id'])
    ) {
      return { looks, waitedMs: Math.round(performance.now() - answeredAt) };
    }
    await delay(LOOK_PAUSE_MS);
  }
  return undefined;
}

async function askVisibility(setUp: SetUp): Promise<Finding> {
  const seen: (string | undefined)[] = [];
  let isAtOnce = true;
  for (let tried = 1; tried <= VISIBILITY_TRIES; tried += 1) {
    const visible = await lookUntilVisible(setUp, tried);
    isAtOnce &&= visible?.looks === 1;
    seen.push(visible && `look ${visible.looks}, after ${visible.waitedMs} ms`);
  }
  return {
    observed: seen.map((text) => text ?? `not within ${LOOKS_MAX} looks`).join('\n'),
    agree: agreement([isAtOnce]),
  };
}

/** Our code writes both with two decimals, and whole units only. */
const UNITS_ASSUMED = [
  { currency: 'isk', amountMinor: 150, isTaken: false },
  { currency: 'isk', amountMinor: 500, isTaken: true },
  { currency: 'ugx', amountMinor: 150, isTaken: false },
  { currency: 'ugx', amountMinor: 500, isTaken: true },
] as const;

function stepText(currency: string, amountMinor: number, isTaken: boolean): string {
  return `${currency} ${amountMinor}: ${isTaken ? 'taken' : 'refused'}`;
}

/** Not a word about the amount: it was taken, or it fails for want of money. */
function isAmountTaken({ status, code }: RawReply): boolean {
  return status === 200 || code === 'balance_insufficient' || code === 'insufficient_funds';
}

/** Settlement currencies in which a króna is about a cent, so that a factor of 100 cannot be missed. */
const LIKE_DOLLARS = new Set(['usd', 'eur', 'gbp', 'cad', 'aud', 'chf']);

/** Cents for one unit of the currency, roughly; a tenth of it lies between both ways to write amounts. */
const CENTS_A_UNIT = { isk: 0.8, ugx: 0.027 } as const;

const CHARGE_MINOR = 1_000_000;

/** What Stripe converts a test charge to tells how it reads the charge's amount, whatever steps it allows. */
async function askConversion({ api }: SetUp, currency: keyof typeof CENTS_A_UNIT) {
  const charge = await api.send({
    method: 'POST',
    path: '/v1/charges',
    form: [
      ['amount', CHARGE_MINOR.toString()],
      ['currency', currency],
      ['source', 'tok_bypassPending'],
      ['expand[]', 'balance_transaction'],
    ],
  });
  const { amount, currency: settled } = fieldsOf(charge.body['balance_transaction']);
  if (typeof amount !== 'number' || typeof settled !== 'string' || !LIKE_DOLLARS.has(settled)) {
    return {
      line: `${currency} by conversion: not told (${summary(charge)})`,
      decimals: undefined,
    };
  }
  const decimals = amount / CHARGE_MINOR > CENTS_A_UNIT[currency] / 10 ? 0 : 2;
  const became = `${CHARGE_MINOR} became ${amount} minor units of ${settled}`;
  return { line: `${currency} by conversion: ${decimals} decimals (${became})`, decimals };
}

async function askUnits(setUp: SetUp): Promise<Finding> {
  const lines: string[] = [];
  const checks: (boolean | undefined)[] = [];
  for (const { currency, amountMinor, isTaken } of UNITS_ASSUMED) {
    const form = { destination: setUp.payee(), currency, amountMinor, point: 5 };
    const reply = await setUp.api.send(transferRequest(setUp, `${currency}-${amountMinor}`, form));
    lines.push(`${stepText(currency, amountMinor, isAmountTaken(reply))} (${summary(reply)})`);
    checks.push(isAmountTaken(reply) === isTaken);
  }
  for (const currency of ['isk', 'ugx'] as const) {
    const { line, decimals } = await askConversion(setUp, currency);
    lines.push(line);
    checks.push(decimals === undefined ? undefined : decimals === 2);
  }
  return { observed: lines.join('\n'), agree: agreement(checks) };
}

const GROUP_SANDBOX_MAX = 5_000;
const GROUP_TRIED_MAX = 10_000;
const GROUP_OURS_MAX = transferGroup('x'.repeat(ID_CHARACTERS_MAX)).length;

/** More than there is, so that a group that is taken still moves nothing. */
async function isGroupTaken(setUp: SetUp, characters: number): Promise<boolean> {
  const reply = await setUp.api.send(
    transferRequest(setUp, `group-${characters}`, {
      destination: setUp.payee(),
      amountMinor: setUp.availableMinor + 1,
      group: 'g'.repeat(characters),
      point: 6,
    }),
  );
  if (isAmountTaken(reply)) {
    return true;
  }
  if (reply.param === 'transfer_group') {
    return false;
  }
  throw new NotAsked(`a group of ${characters} characters was answered ${summary(reply)}`);
}

async function askGroupLength(setUp: SetUp): Promise<Finding> {
  let taken = 1;
  let refused = GROUP_TRIED_MAX + 1;
  while (refused - taken > 1) {
    const tried = Math.floor((taken + refused) / 2);
    if (await isGroupTaken(setUp, tried)) {
      taken = tried;
    } else {
      refused = tried;
    }
  }
  return {
    observed: `${taken} characters${taken === GROUP_TRIED_MAX ? ' or more' : ''}`,
    agree: agreement([taken === GROUP_SANDBOX_MAX]),
  };
}

export const VISIBILITY: OpenPoint = {
  number: 4,
  question: 'How long after its creation does the list show a transfer?',
  assumed: 'sandbox: at the first look\n(our code takes "not seen" for no proof)',
  ask: askVisibility,
};

export const UNITS: OpenPoint = {
  number: 5,
  question: 'In which units are ISK and UGX written?',
  assumed: `our code: two decimals, whole units only\n${UNITS_ASSUMED.map(
    ({ currency, amountMinor, isTaken }) => stepText(currency, amountMinor, isTaken),
  ).join('\n')}`,
  ask: askUnits,
};

export const GROUP_LENGTH: OpenPoint = {
  number: 6,
  question: 'How long may a transfer_group be?',
  assumed: `sandbox: ${GROUP_SANDBOX_MAX} characters\n(ours have at most ${GROUP_OURS_MAX})`,
  ask: askGroupLength,
};
