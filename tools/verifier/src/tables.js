// Long lists, a part at a time, so that ten thousand entries do not hold up the page.

import { el } from "./inert.js";

const AT_ONCE = 100;

/** The first of `items`, each as `draw` shows it, in the frame `around`; and buttons for more, for all. */
export function table(items, draw, around = (drawn) => drawn) {
  const place = el("div", {});
  let shown = 0;
  const bar = el("p", { class: "no-print" });
  const count = el("span", { role: "status" });
  const more = () => {
    const drawn = items.slice(shown, shown + AT_ONCE).map(draw);
    shown += drawn.length;
    place.append(...[around(drawn)].flat());
    count.textContent = `${shown} of ${items.length} shown`;
    bar.hidden = shown === items.length;
  };
  const rest = async () => {
    next.disabled = all.disabled = true;
    while (shown < items.length) {
      more();
      await new Promise((done) => setTimeout(done));
    }
  };
  const next = el("button", { type: "button", onclick: more }, `Show ${AT_ONCE} more`);
  const all = el("button", { type: "button", onclick: rest }, "Show all");
  bar.append(count, " ", next, " ", all);
  more();
  return el("div", {}, place, bar);
}
