import type { ComponentChildren } from 'preact';

import { ORDER_PAGE_TRANSFERS } from '../../../domain/limits';
import { REASON_CHARACTERS_MAX, REASON_EXPECTED } from '../../../domain/operator-reason';
import type { OrderField, OrderPreview } from '../orders/console-order';
import type { OrderResult } from '../orders/order-run';
import type { OrderUnderWay } from '../orders/orders-under-way';
import { countOf, Facts, Foreign, Time } from './parts';
import { FormToken } from './layout';

/** What the pages of one order share. */
export interface OrderPage {
  readonly title: string;
  readonly about: string;
  readonly field: OrderField | undefined;
  readonly path: string;
  /** The page that it is about, and that is gone back to. */
  readonly backTo: string;
  readonly formToken: string;
}

/** The first page: why, and what else has to be said. */
export function OrderForm({
  facts,
  filled = { reason: '', value: '' },
  page: { about, backTo, field, formToken, path, title },
  problem,
}: {
  readonly page: OrderPage;
  readonly facts: OrderPreview['facts'];
  readonly filled?: { readonly reason: string; readonly value: string };
  readonly problem?: string | undefined;
}) {
  return (
    <>
      <h1>{title}</h1>
      <p>{about}</p>
      {problem === undefined ? null : (
        <div class="box bad" role="alert">
          <p id="problem">{problem} Nothing was changed.</p>
        </div>
      )}
      <Facts facts={facts} />
      <form method="post" action={path}>
        <FormToken token={formToken} />
        {field === undefined ? null : (
          <p>
            <label for="value">{field.label}</label>
            <input
              id="value"
              name="value"
              autocomplete="off"
              value={filled.value}
              required={field.isNeeded}
              aria-describedby="value-hint"
            />
            <br />
            <span id="value-hint" class="quiet">
              {field.hint}
            </span>
          </p>
        )}
        <p>
          <label for="reason">Reason, kept for ever with your name</label>
          <input
            id="reason"
            name="reason"
            class="wide"
            autocomplete="off"
            value={filled.reason}
            maxLength={REASON_CHARACTERS_MAX}
            required
            aria-describedby="reason-hint"
          />
          <br />
          <span id="reason-hint" class="quiet">
            {REASON_EXPECTED}
          </span>
        </p>
        <p class="line">
          <button type="submit">Go on to confirm</button> <a href={backTo}>Do nothing</a>
        </p>
      </form>
    </>
  );
}

/** The second page: exactly what will happen, to whom, as it stands at this moment. */
export function OrderConfirmation({
  actor,
  given,
  page: { about, backTo, formToken, path, title },
  preview,
}: {
  readonly page: OrderPage;
  readonly actor: string;
  readonly given: { readonly reason: string; readonly value: string };
  readonly preview: OrderPreview;
}) {
  return (
    <>
      <h1>{title}: confirm</h1>
      <p>{about}</p>
      <Facts
        facts={[
          ...preview.facts,
          ['your reason', <Foreign text={given.reason} />],
          ['in the name of', <Foreign text={actor} />],
        ]}
      />
      <form method="post" action={`${path}/confirm`}>
        <FormToken token={formToken} />
        <input type="hidden" name="reason" value={given.reason} />
        <input type="hidden" name="value" value={given.value} />
        <input type="hidden" name="seen" value={preview.seen} />
        <p class="line">
          <button type="submit" class="act">
            {title} now
          </button>{' '}
          <a href={backTo}>Do nothing</a>
        </p>
      </form>
    </>
  );
}

const REFUSED_SHOWN = 100;

/** An order that was refused, or of which a part was. */
export function OrderRefusal({
  backTo,
  result,
  title,
}: {
  readonly title: string;
  readonly backTo: string;
  readonly result: Exclude<OrderResult, { readonly is: 'done' }>;
}) {
  if (result.is === 'refused') {
    return (
      <Answer title={`${title}: refused`} backTo={backTo}>
        <div class="box bad" role="alert">
          <p>
            Refused: {result.text}. Nothing was changed. (<code>{result.code}</code>)
          </p>
        </div>
      </Answer>
    );
  }
  return (
    <Answer title={`${title}: done in part`} backTo={backTo}>
      <div class="box care" role="alert">
        <DoneInPart result={result} />
      </div>
    </Answer>
  );
}

function DoneInPart({ result }: { readonly result: Extract<OrderResult, { is: 'partly' }> }) {
  const omitted = result.refused.length - REFUSED_SHOWN;
  return (
    <>
      <p>
        {result.message} {result.refused.length} refused:
      </p>
      <ul>
        {result.refused.slice(0, REFUSED_SHOWN).map(({ id, why }) => (
          <li>
            <code>{id}</code>: {why}
          </li>
        ))}
      </ul>
      {omitted > 0 ? <p>… and {omitted} more</p> : null}
    </>
  );
}

/** How far an order is, or what became of one, that its page has not waited for. */
export function OrderNote({ order }: { readonly order: OrderUnderWay }) {
  const { actor, begunAt, dealtWith, result, title } = order;
  return (
    <div class={`box ${isDone(order) ? 'good' : 'care'}`} role="status">
      <p>
        {title}, ordered by <Foreign text={actor} />, <Time at={begunAt} />:
      </p>
      {result === undefined ? (
        <p>
          It goes on, with {countOf(dealtWith, 'winner')} so far. No page has to stay open for it;
          reload this one to see how far it is. If the gateway is stopped, whoever it has not
          reached is as before.
        </p>
      ) : result === 'failed' ? (
        <p>
          It has ended with an error after {countOf(dealtWith, 'winner')} or up to{' '}
          {ORDER_PAGE_TRANSFERS} more; for them it stands, and nobody else is changed. Give it again
          for the others.
        </p>
      ) : result.is === 'partly' ? (
        <DoneInPart result={result} />
      ) : (
        <p>{result.is === 'done' ? result.message : `Refused: ${result.text}.`}</p>
      )}
    </div>
  );
}

function isDone({ result }: OrderUnderWay): boolean {
  return typeof result === 'object' && result.is === 'done';
}

function Answer({
  backTo,
  children,
  title,
}: {
  readonly title: string;
  readonly backTo: string;
  readonly children: ComponentChildren;
}) {
  return (
    <>
      <h1>{title}</h1>
      {children}
      <p>
        <a href={backTo}>See how it stands</a>
      </p>
    </>
  );
}

/** Links to orders. */
export function Orders({
  orders,
}: {
  readonly orders: readonly { readonly title: string; readonly path: string }[];
}) {
  return orders.length === 0 ? null : (
    <ul class="orders" aria-label="Orders">
      {orders.map(({ path, title }) => (
        <li>
          <a class="button" href={path}>
            {title} …
          </a>
        </li>
      ))}
    </ul>
  );
}
