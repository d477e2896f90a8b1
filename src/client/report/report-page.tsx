import { createHash } from 'node:crypto';

import type { JSX } from 'preact';
import { renderToString } from 'preact-render-to-string';

import type { PaymentsAtTime } from '../../db/settlement-report';
import { PaymentsPlot } from './payments-plot';
import type { ReportHead, ReportWinner } from './read-report';
import { REPORT_STYLE } from './report-style';
import { OpenReasons, PaidWinners, TrialBalance, UnpaidWinners } from './report-tables';
import { money, plural, time, visible } from './report-words';
import { StateBars } from './state-bars';

/** Rows of one table that a page shows. */
export const ROWS_SHOWN_MAX = 1_000;

/** What a page is made of; the time that it was made is in the head. */
export interface ReportPageFacts {
  readonly head: ReportHead;
  readonly payments: readonly PaymentsAtTime[];
  /** The largest of those who are not paid, and of those who are. */
  readonly unpaid: readonly ReportWinner[];
  readonly paid: readonly ReportWinner[];
}

/** Only this style: no script, no other file, no other address. */
const STYLE_HASH = createHash('sha256').update(REPORT_STYLE, 'utf8').digest('base64');
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** One self-contained page for a person who has never seen the system. Pure: the same facts make the same page. */
export function reportPage(facts: ReportPageFacts): string {
  return `<!doctype html>\n${renderToString(<Page {...facts} />)}\n`;
}

function Page({ head, paid, payments, unpaid }: ReportPageFacts): JSX.Element {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>{`Payments of settlement ${visible(head.settlementId)}`}</title>
        <style dangerouslySetInnerHTML={{ __html: REPORT_STYLE }} />
      </head>
      <body>
        <main>
          <Introduction head={head} />
          <Figures head={head} />
          <h2>Payments over time</h2>
          <PaymentsPlot
            payments={payments}
            totalMinor={head.total.amountMinor}
            currency={head.currency}
            beginMs={Date.parse(head.recordedAt)}
            endMs={Date.parse(head.job.completedAt ?? head.madeAt)}
          />
          <h2>Payments by state</h2>
          <StateBars head={head} />
          <h2>What is open, and why</h2>
          <Pauses head={head} />
          {head.unpaid.count === 0 ? (
            <p>Nothing is open: everybody is paid, or no longer owed anything.</p>
          ) : (
            <>
              <OpenReasons head={head} />
              <UnpaidWinners winners={unpaid} count={head.unpaid.count} />
            </>
          )}
          <h2>Who is paid</h2>
          {paid.length === 0 ? (
            <p>Nobody is paid yet.</p>
          ) : (
            <PaidWinners winners={paid} count={head.totals.completed.count} />
          )}
          <Ledger head={head} />
          <Origin head={head} />
        </main>
      </body>
    </html>
  );
}

function Introduction({ head }: { readonly head: ReportHead }): JSX.Element {
  const { contestId, installation, settlementId, total } = head;
  const isLive = installation.mode === 'live';
  return (
    <header>
      <h1>{`Payments of settlement ${visible(settlementId)}`}</h1>
      <p class={`mode ${installation.mode}`}>
        {isLive ? 'LIVE: this is real money' : 'TEST MODE: no real money moved'}
      </p>
      <p>
        {`A settlement is the closed result of a contest: here of contest ${visible(contestId)}, with ${plural(total.count, 'prize')}. `}
        Each winner is paid once, by a transfer through Stripe to an account of the winner’s own.
        This page shows how far that is, who is not paid yet and why. It is a picture of one moment:
        {` ${time(head.madeAt)} UTC.`}
      </p>
    </header>
  );
}

function Figures({ head }: { readonly head: ReportHead }): JSX.Element {
  const { currency, reversed, total, totals, unpaid } = head;
  const figures = [
    ['To be paid in all', money(total, currency)],
    ['Paid', money(totals.completed, currency)],
    ['Still open', money(unpaid, currency)],
    ['No longer owed', money(totals.voided, currency)],
    ['Paid, and came back', money(reversed, currency)],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([title, text]) => (
        <div>
          <dt>{title}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Pauses({ head }: { readonly head: ReportHead }): JSX.Element | null {
  return head.pauses.length === 0 ? null : (
    <div class="note">
      <p>Nothing is sent at the moment, because sending is paused:</p>
      <ul>
        {head.pauses.map(({ actor, cause, reason, scope, setAt }) => (
          <li>
            {scope === 'everything' ? 'everything' : 'this settlement'}
            {`, since ${time(setAt)} UTC: ${visible(cause)}`}
            {actor !== null && `, by ${visible(actor)}: ${visible(reason ?? '')}`}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Ledger({ head }: { readonly head: ReportHead }): JSX.Element {
  const { hash, lastRecordId, seal } = head.ledger;
  return (
    <>
      <h2>The books</h2>
      <p>
        Every movement of money is written down twice, as a debit of one account and a credit of
        another, and never changed afterwards. The balances of all accounts sum up to zero.
      </p>
      <TrialBalance ledger={head.ledger} />
      <p>
        {`The fingerprint of these books (SHA-256 over every record, up to number ${lastRecordId?.toString() ?? 'none'}): `}
        <code>{hash ?? 'no record yet'}</code>
        {
          '. The same fingerprint later means that none of these records was changed, added or taken out.'
        }
      </p>
      {seal !== null && (
        <p>
          {`When the settlement was completed, its books were sealed up to number ${seal.lastRecordId.toString()} with `}
          <code>{seal.hash}</code>
          {seal.holds ? '; they are still the same. ' : '. '}
          {!seal.holds && (
            <strong class="bad">They are no longer the same: somebody has to look.</strong>
          )}
        </p>
      )}
    </>
  );
}

function Origin({ head }: { readonly head: ReportHead }): JSX.Element {
  const { installation, job, recordedAt, recordedBy } = head;
  const rows = [
    ['This page was made at', `${time(head.madeAt)} UTC`],
    ['Installation', visible(installation.id)],
    ['Stripe account', `${visible(installation.stripeAccountId)} (${installation.mode} mode)`],
    ['Settlement recorded at', `${time(recordedAt)} UTC`],
    ['Recorded by', recordedBy === null ? 'not known' : visible(recordedBy)],
    ['State of the work', `${job.status}, ${job.outcome}`],
    ['Completed at', job.completedAt === null ? 'not completed' : `${time(job.completedAt)} UTC`],
  ] as const;
  return (
    <>
      <h2>Where this comes from</h2>
      <dl>
        {rows.map(([title, text]) => (
          <>
            <dt>{title}</dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
    </>
  );
}
