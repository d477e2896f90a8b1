/** The one stylesheet of the console: the system's own fonts, light and dark, readable on a phone and at 200 % zoom. */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1a1d21, #e8eaed);
  --quiet: light-dark(#53585f, #aab0b8);
  --page: light-dark(#ffffff, #16181c);
  --raised: light-dark(#f2f4f6, #22262b);
  --line: light-dark(#c4c9cf, #434a53);
  --link: light-dark(#0b50b8, #8ab8ff);
  --good: light-dark(#1a7037, #56c57c);
  --wait: light-dark(#6b7480, #8d96a2);
  --care: light-dark(#9a5b00, #f0b452);
  --bad: light-dark(#b3251e, #ff8a80);
  --unsure: light-dark(#7a3ea8, #d0a2f7);
}
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
body { margin: 0 auto; padding: 0 1rem 3rem; max-width: 80rem; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem; background: var(--page); z-index: 1; }
header, nav ul, .facts, .line { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center; }
header { padding: .75rem 0; border-bottom: 1px solid var(--line); justify-content: space-between; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a[aria-current] { font-weight: bold; text-decoration: none; border-bottom: 3px solid currentColor; }
footer { margin-top: 3rem; padding-top: .5rem; border-top: 1px solid var(--line); color: var(--quiet); }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin-top: 2rem; }
.mode { padding: .1rem .6rem; border-radius: .3rem; font-weight: bold; border: 2px solid currentColor; }
.mode.test { color: var(--care); }
.mode.live { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 100%; }
caption { text-align: left; color: var(--quiet); padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { overflow-wrap: break-word; }
td time { white-space: nowrap; }
dd, code { overflow-wrap: anywhere; }
code { font-size: .9em; }
dl.facts dt { color: var(--quiet); }
dl.list { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.25rem; }
dl.list dt { color: var(--quiet); }
dl.list dd { margin: 0; }
.quiet { color: var(--quiet); }
.box { padding: .75rem 1rem; margin: 1rem 0; border: 1px solid var(--line); border-left: .4rem solid var(--wait); background: var(--raised); }
.box.good { border-left-color: var(--good); }
.box.care { border-left-color: var(--care); }
.box.bad { border-left-color: var(--bad); }
.box > :first-child { margin-top: 0; }
.box > :last-child { margin-bottom: 0; }
.state { white-space: nowrap; font-weight: 600; }
.completed { color: var(--good); fill: var(--good); }
.pending, .retryable, .processing, .voided { color: var(--wait); fill: var(--wait); }
.processing { color: var(--link); fill: var(--link); }
.blocked, .cancelled { color: var(--care); fill: var(--care); }
.failed_terminal { color: var(--bad); fill: var(--bad); }
.unknown { color: var(--unsure); fill: var(--unsure); }
svg.progress { display: block; width: 100%; min-width: 8rem; height: .9rem; background: var(--raised); border: 1px solid var(--line); }
form.filter { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; }
label { display: block; font-weight: 600; }
input, select, textarea, button { font: inherit; color: inherit; }
input, select, textarea { padding: .4rem .5rem; border: 1px solid var(--quiet); border-radius: .25rem; background: var(--page); max-width: 100%; }
input.wide, textarea { width: 40rem; }
button, a.button { display: inline-block; padding: .45rem 1rem; border: 1px solid var(--quiet); border-radius: .25rem; background: var(--raised); color: inherit; text-decoration: none; cursor: pointer; }
button.act { border: 2px solid var(--bad); font-weight: bold; }
.orders { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0; list-style: none; }
@media print { nav, .orders, form { display: none; } }
`;
