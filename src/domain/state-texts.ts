import { REASONS, type ReasonCode } from './reasons';
import type { TransferStatus } from './transfer-state';

/** What is told of a transfer: to an operator, and, free of anything of the inside, to the winner. */
export interface Texts {
  readonly operatorText: string;
  readonly winnerText: string;
}

/** What is told of a state; where a transfer has a reason, the reason's texts tell more and take its place. */
export const STATE_TEXTS: Readonly<Record<TransferStatus, Texts>> = {
  pending: {
    operatorText: 'The payment has not begun; it goes out by itself when its turn comes.',
    winnerText:
      'Your prize is recorded and will be paid. You do not have to do anything. The payment goes out by itself.',
  },
  processing: {
    operatorText: 'The payment is being made.',
    winnerText:
      'The payment of your prize is being made right now. You do not have to do anything. It reaches your payout account shortly.',
  },
  retryable: {
    operatorText: 'The payment is tried again by itself.',
    winnerText:
      'The payment of your prize takes a little longer than usual. You do not have to do anything. It goes on by itself.',
  },
  blocked: {
    operatorText: 'The payment waits.',
    winnerText:
      'Your prize is recorded and its payment waits. You do not have to do anything unless we ask you to. We let you know how it goes on.',
  },
  unknown: {
    operatorText: 'Whether the payment was made has to be looked up at Stripe.',
    winnerText:
      'We are making sure whether your payment has already been made. You do not have to do anything. If it has not, we pay your prize after that.',
  },
  completed: {
    operatorText: 'Paid.',
    winnerText:
      'Your prize has been paid to your payout account at Stripe. You do not have to do anything. From there it goes to your bank as you have set it up with Stripe.',
  },
  failed_terminal: {
    operatorText: 'The payment has ended without being made; only a person starts it again.',
    winnerText:
      'Your payment is not made yet, and our team is looking at it. You do not have to do anything unless we ask you to. We let you know how it goes on.',
  },
  cancelled: {
    operatorText: 'An operator has cancelled the payment; it is still owed until it is voided.',
    winnerText:
      'This payment has been stopped and is not made for now. You do not have to do anything. Please contact us if you have questions about it.',
  },
  voided: {
    operatorText: 'An operator has voided the debt; nothing is owed and nothing is sent any more.',
    winnerText:
      'This payment is not made. You do not have to do anything. Please contact us if you have questions about it.',
  },
};

/** @param transfer its state, and the reason that stands beside it */
export function textsOf(transfer: {
  readonly status: TransferStatus;
  readonly failureReason: ReasonCode | null;
}): Texts {
  return transfer.failureReason === null
    ? STATE_TEXTS[transfer.status]
    : REASONS[transfer.failureReason];
}
