import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

import {
  QUERIES,
  SIGNALS,
  UPDATES,
  type PayoutProgress,
  type RetryAnswer,
  type RetryTransferRequest,
  type TransferCursor,
} from '../domain/contracts';

export const changedSignal = defineSignal(SIGNALS.changed);
export const parkedSignal = defineSignal(SIGNALS.parked);
export const payeeReadySignal = defineSignal(SIGNALS.payeeReady);
export const pauseSignal = defineSignal(SIGNALS.pause);
export const resumeSignal = defineSignal(SIGNALS.resume);
export const retryTransferSignal = defineSignal(SIGNALS.retryTransfer);

/** null until the job has looked at Postgres for the first time. */
export const progressQuery = defineQuery<PayoutProgress | null>(QUERIES.progress);
export const cursorQuery = defineQuery<TransferCursor>(QUERIES.cursor);

/** Retries the transfer for an operator and answers `retried`, or why not. Refused unaccepted where that is plain. */
export const retryTransferUpdate = defineUpdate<RetryAnswer, [RetryTransferRequest]>(
  UPDATES.retryTransfer,
);
