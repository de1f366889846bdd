/** The page's style. Colours have a contrast of 4.5 and more with what is behind them, by day and by night. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f7; --card: #ffffff; --line: #e0e4e8; --text: #1c2127; --quiet: #57616c;
  --good: #14713f; --attention: #85540a; --bad: #b3261e; --bar: #6b8fb5; --bar-attention: #d9a441;
  --good-ground: #e6f4ec; --attention-ground: #fbf1dc; --bad-ground: #fce8e6; --quiet-ground: #eceff2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121518; --card: #1a1e23; --line: #2c333a; --text: #e3e7eb; --quiet: #9ba6b1;
    --good: #6fd39b; --attention: #e5b85c; --bad: #ff9388; --bar: #5e86b3; --bar-attention: #c9953a;
    --good-ground: #17301f; --attention-ground: #342a12; --bad-ground: #3d1c1a; --quiet-ground: #262c33;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.25rem 1rem 2rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; overflow-wrap: anywhere; }
h1, h2, p, ul, dl, dd, figure { margin: 0; padding: 0; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .75rem; }
h1 { font-size: 1.25rem; }
h2 { font-size: 1.0625rem; display: flex; align-items: center; gap: .625rem; }
small { display: block; font-size: .8125rem; color: var(--quiet); }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; }
a { color: inherit; }
.quiet, header p, footer { color: var(--quiet); font-size: .875rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
main, .pair, .card { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
main { margin: 1rem 0; }
.summary { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .75rem; border-radius: .625rem; padding: .75rem 1rem; }
.summary b { font-size: 1.0625rem; }
.summary small { color: inherit; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .625rem; padding: 1rem; gap: .875rem; align-content: start; }
.good { color: var(--good); } .attention { color: var(--attention); } .bad { color: var(--bad); }
.summary.good, .badge.good { background: var(--good-ground); }
.summary.attention, .badge.attention { background: var(--attention-ground); }
.summary.bad, .badge.bad { background: var(--bad-ground); }
.badge { border-radius: 1rem; padding: .0625rem .5625rem; font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.badge.quiet { background: var(--quiet-ground); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem 1.25rem; }
dl:empty { display: none; }
dt { font-size: .8125rem; color: var(--quiet); }
dd { font-size: 1.0625rem; font-variant-numeric: tabular-nums; }
.findings { list-style: none; display: grid; gap: .5rem; }
.findings li { display: flex; gap: .625rem; }
.sign { flex: none; width: .875rem; text-align: center; }
.findings p { color: var(--text); min-width: 0; }
.charts { display: grid; gap: .375rem 1.5rem; }
figcaption { font-size: .8125rem; color: var(--quiet); margin-bottom: .375rem; }
figcaption b { color: var(--text); font-weight: 600; }
svg { display: block; overflow: visible; }
svg .ground { stroke: var(--line); } svg .half { stroke: var(--line); stroke-dasharray: 2 4; }
svg rect { fill: var(--bar); } svg .attention rect { fill: var(--bar-attention); }
svg .bar:hover rect { opacity: .65; }
svg text { font-size: 12px; font-weight: 700; fill: currentColor; }
.axis, .legend { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .8125rem; color: var(--quiet); }
.axis { justify-content: space-between; }
.axis :only-child { margin: 0 auto; }
summary { cursor: pointer; font-size: .875rem; color: var(--quiet); }
.scroll { overflow-x: auto; margin-top: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .375rem .75rem .375rem 0; vertical-align: baseline; border-top: 1px solid var(--line); }
th { font-weight: 500; }
thead th { border-top: 0; padding-top: 0; color: var(--quiet); font-size: .8125rem; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
td, th { overflow-wrap: break-word; }
.number { text-align: right; }
.message td { overflow-wrap: anywhere; }
.message td { border-top: 0; padding-top: 0; color: var(--quiet); }
.scroll td, .scroll th { white-space: nowrap; }
.scroll .message td { white-space: normal; }
:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; border-radius: .25rem; }
@media (min-width: 48rem) {
  .charts { grid-template-columns: 1fr 1fr; }
  .legend { grid-column: 1 / -1; }
  .pair { grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
}
@media (max-width: 47.99rem) {
  th, td { padding-right: .625rem; }
}
`;
