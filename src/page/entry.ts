import { html, type Html, type HtmlValue } from "./html.ts";

/** One thing that is known, in a list of them: what it is, what it comes to, and what there is to add. */
export function entry(title: string, content: HtmlValue, more?: HtmlValue): Html {
  return html`<div>
    <dt>${title}</dt>
    <dd>${content}${more === undefined ? undefined : html`<small>${more}</small>`}</dd>
  </div>`;
}
