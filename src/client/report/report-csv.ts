import { csvHeader, csvLines, type CsvRecord } from '../csv-text';
import type { ReportWinner } from './read-report';

/** The columns in their order; a new one is added at the end, so that whoever reads by number goes on. */
const COLUMNS: Readonly<Record<string, (winner: ReportWinner) => CsvRecord[number]>> = {
  transfer_id: ({ transferId }) => transferId,
  user_id: ({ userId }) => userId,
  award: ({ award }) => award,
  amount_minor: ({ amountMinor }) => amountMinor,
  amount: ({ amount }) => amount,
  currency: ({ currency }) => currency,
  status: ({ status }) => status,
  stripe_transfer_id: ({ stripeTransferId }) => stripeTransferId,
  paid_at: ({ paidAt }) => paidAt,
  attempts: ({ attempts }) => attempts,
  reason: ({ reason }) => reason,
  failure_class: ({ failureClass }) => failureClass,
  operator_text: ({ operatorText }) => operatorText,
  winner_text: ({ winnerText }) => winnerText,
  reversed_minor: ({ reversedMinor }) => reversedMinor,
  reversed: ({ reversed }) => reversed,
};

/** One line for each winner. */
export async function* reportCsv(
  settlementId: string,
  winners: AsyncIterable<readonly ReportWinner[]>,
): AsyncGenerator<string> {
  yield csvHeader(['settlement_id', ...Object.keys(COLUMNS)]);
  const fields = Object.values(COLUMNS);
  for await (const page of winners) {
    yield csvLines(page.map((winner) => [settlementId, ...fields.map((field) => field(winner))]));
  }
}
