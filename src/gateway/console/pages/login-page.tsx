import { CONSOLE_ROOT } from '../local-path';

/** One field; the place that was wanted is gone to afterwards. */
export function LoginPage({
  next,
  problem,
}: {
  readonly next: string;
  readonly problem?: string | undefined;
}) {
  return (
    <>
      <h1>Log in</h1>
      {problem === undefined ? null : (
        <div class="box bad" role="alert">
          <p id="problem">{problem}</p>
        </div>
      )}
      <form method="post" action={`${CONSOLE_ROOT}/login`}>
        <input type="hidden" name="next" value={next} />
        <label for="token">Your token (of GATEWAY_TOKENS)</label>
        <p>
          <input
            id="token"
            name="token"
            type="password"
            class="wide"
            autocomplete="off"
            required
            autofocus
            {...(problem !== undefined && { 'aria-describedby': 'problem' })}
          />
        </p>
        <button type="submit">Log in</button>
      </form>
      <p class="quiet">
        A login lasts eight hours at most. Whoever comes by a link of another site is asked again
        although a login is in force: <a href={next}>go on with it</a>.
      </p>
    </>
  );
}
