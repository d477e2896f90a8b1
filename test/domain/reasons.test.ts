/**
 * Goal: every reason and every state has a text for the operator and one that may be shown to the winner, and the
 * winner's has nothing in it that is not the winner's to know.
 * Method: the tables themselves, word by word.
 */
import { REASONS } from '../../src/domain/reasons';
import { STATE_TEXTS, textsOf } from '../../src/domain/state-texts';
import { TRANSFER_STATUSES } from '../../src/domain/transfer-state';
import { NOT_FOR_WINNERS } from './winner-words';

const TEXTS = Object.entries({ ...REASONS, ...STATE_TEXTS });

/** Sentences that begin with a capital letter and end with a full stop. */
const WHOLE_SENTENCES = /^\p{Lu}[^.]*\.( \p{Lu}[^.]*\.)*$/u;

test.each(TEXTS)('%s has whole sentences for both', (_code, { operatorText, winnerText }) => {
  expect(operatorText).toMatch(/^\p{Lu}.*\.$/u);
  expect(winnerText).toMatch(WHOLE_SENTENCES);
});

test.each(TEXTS)('%s tells the winner nothing of the inside', (_code, { winnerText }) => {
  expect(NOT_FOR_WINNERS.exec(winnerText)?.[0]).toBeUndefined();
  expect(winnerText).not.toMatch(/\d/);
});

test.each(TEXTS)('%s says whether the winner has to do something', (_code, { winnerText }) => {
  expect(winnerText).toMatch(/You do not have to do anything|Please /);
});

test.each(TEXTS)('%s says what happens next or whom to ask', (_code, { winnerText }) => {
  expect(winnerText).toMatch(
    /(paid|pay|goes (on|out) by itself|goes to your bank|reaches your|contact us|let you know how it goes on)[^.]*\.$/,
  );
});

test('whoever has to act is asked to, and nobody else', () => {
  for (const [code, { failureClass, winnerText }] of Object.entries(REASONS)) {
    expect([code, winnerText.includes('Please ')]).toEqual([code, failureClass === 'payee']);
  }
});

test('a reason tells more than the state that it stands beside', () => {
  expect(textsOf({ status: 'completed', failureReason: null })).toBe(STATE_TEXTS.completed);
  expect(textsOf({ status: 'failed_terminal', failureReason: 'payee_account_closed' })).toBe(
    REASONS.payee_account_closed,
  );
  expect(Object.keys(STATE_TEXTS).sort()).toEqual([...TRANSFER_STATUSES].sort());
});
