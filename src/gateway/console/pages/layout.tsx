import type { ComponentChildren } from 'preact';

import { CONSOLE_RELOAD_SECONDS } from '../../../domain/limits';
import type { Installation } from '../../../db/installation';
import { CONSOLE_ROOT } from '../local-path';
import { Foreign } from './parts';

export type Section = 'overview' | 'settlements' | 'pauses';

/** What a page is put into. */
export interface Frame {
  readonly title: string;
  readonly platform: Installation;
  /** Where the page stands; null for pages outside, such as errors. */
  readonly section: Section | null;
  /** Who is logged in, with the token of forms; null for nobody. */
  readonly login: { readonly name: string; readonly formToken: string } | null;
  /** What has just been done. */
  readonly message?: string | undefined;
  /** The page as it is asked for now; one that may reload itself has it with and without reloading. */
  readonly reloading?: { readonly isOn: boolean; readonly toggle: string } | undefined;
}

const SECTIONS: readonly (readonly [Section, string, string])[] = [
  ['overview', 'Overview', CONSOLE_ROOT],
  ['settlements', 'Settlements', `${CONSOLE_ROOT}/settlements`],
  ['pauses', 'Pauses', `${CONSOLE_ROOT}/pauses`],
];

export function Layout({
  children,
  frame,
}: {
  readonly frame: Frame;
  readonly children: ComponentChildren;
}) {
  const { login, message, platform, reloading, title } = frame;
  const mode = platform.livemode ? 'LIVE' : 'TEST';
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {reloading?.isOn === true ? (
          <meta http-equiv="refresh" content={CONSOLE_RELOAD_SECONDS.toString()} />
        ) : null}
        <title>{`${title} – payouts (${mode})`}</title>
        <link rel="stylesheet" href={`${CONSOLE_ROOT}/style.css`} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header>
          <div class="line">
            <strong>payouts</strong>
            <span>
              installation <Foreign text={platform.installationId} />
            </span>
            <span class={`mode ${mode.toLowerCase()}`}>
              {mode}: {platform.livemode ? 'real money' : 'no real money'}
            </span>
          </div>
          {login === null ? null : <Navigation frame={frame} login={login} />}
        </header>
        <main id="main" tabIndex={-1}>
          {message === undefined ? null : (
            <div class="box good" role="status">
              <p>{message}</p>
            </div>
          )}
          {children}
        </main>
        <footer>
          <p>
            All times are UTC.
            {reloading === undefined ? null : <Reloading {...reloading} />}
          </p>
        </footer>
      </body>
    </html>
  );
}

function Navigation({
  frame,
  login,
}: {
  readonly frame: Frame;
  readonly login: NonNullable<Frame['login']>;
}) {
  return (
    <>
      <nav aria-label="Main">
        <ul>
          {SECTIONS.map(([section, name, path]) => (
            <li>
              <a href={path} {...(section === frame.section && { 'aria-current': 'page' })}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <form method="post" action={`${CONSOLE_ROOT}/logout`} class="line">
        <FormToken token={login.formToken} />
        <span>
          logged in as <Foreign text={login.name} />
        </span>
        <button type="submit">Log out</button>
      </form>
    </>
  );
}

function Reloading({ isOn, toggle }: NonNullable<Frame['reloading']>) {
  return isOn ? (
    <>
      {' '}
      This page reloads every {CONSOLE_RELOAD_SECONDS} s. <a href={toggle}>Stop reloading</a>
    </>
  ) : (
    <>
      {' '}
      <a href={toggle}>Reload this page every {CONSOLE_RELOAD_SECONDS} s</a>
    </>
  );
}

/** The field that proves that a form was made for this login. */
export const FORM_TOKEN_FIELD = '_csrf';

export function FormToken({ token }: { readonly token: string }) {
  return <input type="hidden" name={FORM_TOKEN_FIELD} value={token} />;
}
