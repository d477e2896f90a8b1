/** The page’s whole style: readable on paper, on a narrow screen, in light and in the dark. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --good: #1a7f37; --wait: #9a6700; --bad: #b42318; --mark: #ddf4ff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #3d444d; --good: #57ab5a; --wait: #d4a72c; --bad: #ff7b72; --mark: #12304a; } }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; font-size: 1.25rem; }
.mode { display: inline-block; border: 2px solid; padding: .1rem .6rem; font-weight: 700; } .mode.live { color: var(--bad); } .mode.test { color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; } .figures > div { flex: 1 1 11rem; border: 1px solid var(--line); padding: .6rem .8rem; } dt { color: var(--soft); } .figures dd { margin: 0; font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; } caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; overflow-wrap: break-word; } thead th { color: var(--soft); } tbody th { font-weight: 400; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; } .note { background: var(--mark); padding: .5rem .8rem; } .bad { color: var(--bad); font-weight: 700; }
figure { margin: 0; } svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; } figcaption { color: var(--soft); }
.grid { stroke: var(--line); } .tick { stroke: var(--soft); } .total-line { stroke: var(--ink); stroke-dasharray: 6 4; } .area { fill: var(--good); opacity: .15; } .paid-line { fill: none; stroke: var(--good); stroke-width: 2; } .paid-point { fill: var(--good); }
.track { fill: none; stroke: var(--line); } .bar { fill: var(--wait); } .bar.completed { fill: var(--good); } .bar.unknown, .bar.failed_terminal { fill: var(--bad); } .bar.cancelled, .bar.voided { fill: var(--soft); }
@media print { body { max-width: none; padding: 0; } thead { display: table-header-group; } tr, figure { break-inside: avoid; } .wide { overflow: visible; } th, td { overflow-wrap: anywhere; } }
`;
