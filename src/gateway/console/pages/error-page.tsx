import { shownText } from '../../../domain/shown-value';
import type { ApiError } from '../../api-error';
import { CONSOLE_ROOT } from '../local-path';

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  401: 'You are not logged in',
  403: 'Refused',
  404: 'Not found',
  405: 'Not this way',
  409: 'Refused: nothing was changed',
  413: 'Too much at once',
  415: 'Not a form',
  429: 'Too many wrong logins',
  503: 'A part cannot be reached',
};

export function errorTitle(status: number): string {
  return TITLES[status] ?? (status < 500 ? 'The request is refused' : 'The gateway failed');
}

const MESSAGE_CHARACTERS_MAX = 1_000;

/** What was refused or failed, and the id under which the log has it. */
export function ErrorPage({
  error,
  requestId,
}: {
  readonly error: ApiError;
  readonly requestId: string;
}) {
  return (
    <>
      <h1>{errorTitle(error.status)}</h1>
      <div class="box bad" role="alert">
        <p>{shownText(error.message, MESSAGE_CHARACTERS_MAX)}</p>
        {error.problems.length === 0 ? null : (
          <ul>
            {error.problems.map(({ expected, found, place }) => (
              <li>
                {shownText(place)}: found {shownText(found)}, expected{' '}
                {shownText(expected, MESSAGE_CHARACTERS_MAX)}
              </li>
            ))}
          </ul>
        )}
      </div>
      <p>
        <a href={CONSOLE_ROOT}>Overview</a>
      </p>
      <p class="quiet">
        {error.status} <code>{error.code}</code>, request <code>{requestId}</code>
      </p>
    </>
  );
}
