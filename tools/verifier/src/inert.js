// Text of others on its way to the page: shown, never obeyed (threats H6, H11).

// Controls, formats (bidi, zero width), surrogates, private and unassigned characters, separators of lines
// and paragraphs; then letters and marks that show nothing, in which text can hide.
const HIDDEN = new RegExp(
  "[\\p{C}\\p{Zl}\\p{Zp}\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\ufe00-\\ufe0f" +
    "\\uffa0\\u{e0100}-\\u{e01ef}]",
  "gu",
);

/** The same text, with every such character as its number. */
export function inert(text) {
  return String(text).replace(HIDDEN, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
}

/** An element; children are elements, or text that is made inert. There is no way in for markup. */
export function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  for (const child of children.flat()) {
    made.append(child instanceof Node ? child : document.createTextNode(inert(child)));
  }
  return made;
}

/** Words of others among ours: isolated, so that letters written from the right move nothing around them. */
export function quoted(text) {
  return el("bdi", {}, text);
}

/** Ids and digests. */
export function code(text) {
  return el("code", {}, text);
}
