// Long lists, a part at a time, so that ten thousand entries do not hold up the page.

import { el } from "./inert.js";

const AT_ONCE = 100;

/** The first of `items`, each as `draw` shows it, in the frame `around`; and buttons for more, for all. */
export function table(items, draw, around = (drawn) => drawn) {
  const place = el("div", {});
  let shown = 0;
  const bar = el("p", { class: "more-bar no-print" });
  const count = el("span", { role: "status" });
  const more = (number) => {
    const drawn = items.slice(shown, shown + number).map(draw);
    shown += drawn.length;
    place.append(...[around(drawn)].flat());
    count.textContent = `${shown} of ${items.length} shown`;
    bar.hidden = shown === items.length;
  };
  const next = el("button", { type: "button", onclick: () => more(AT_ONCE) }, `Show ${AT_ONCE} more`);
  const all = el("button", { type: "button", onclick: () => more(items.length) }, "Show all");
  bar.append(count, " ", next, " ", all);
  more(AT_ONCE);
  return el("div", {}, place, bar);
}
