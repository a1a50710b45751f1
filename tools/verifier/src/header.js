// What a header's parts must say about each other (SPEC sections 5.1, 6.3).

import { must } from "./refusal.js";
import { LIMITS } from "./schema.js";

const PAYLOAD_LEAST = 8 * 1024;
const ATTACHMENT_LEAST = 64 * 1024;
const POWERS_UP_TO = 1024 * 1024;

/** 5.1, once the signatures hold. */
export function checkHeader(body, core) {
  must(core.suite === 1, "suite", `suite ${core.suite}`);
  const names = core.recipients.map((one) => one.member);
  must(new Set(names).size === names.length, "context", "a recipient stands twice");
  must(!names.includes(core.sender), "context", "the sender is among the recipients");
  must(body.wraps.length === names.length, "context", "not one wrap for each recipient");
  for (const { sequence, previous_id: previous } of core.recipients) {
    must((sequence === 1) === (previous.length === 0), "context", "a previous id that does not fit the number");
  }
  core.streams.forEach(({ padded_size: size }, at) => {
    const least = at === 0 ? PAYLOAD_LEAST : ATTACHMENT_LEAST;
    must(paddedSize(size, least) === size, "malformed", `stream ${at}: ${size} is no padded size`);
  });
  const payload = core.streams[0].padded_size;
  must(payload <= LIMITS.payload_padded, "malformed", `a payload of ${payload} bytes`);
}

/** The padded size of a stream, by the size of its data with the length before it. */
export function paddedSize(size, least) {
  if (size <= least) return least;
  if (size <= POWERS_UP_TO) return 2 ** bits(size - 1);
  // Padmé, its floor(log2 n) + 1 being the number of bits of n.
  const e = bits(size) - 1;
  const s = bits(e);
  const step = 2 ** (e - s);
  return Math.ceil(size / step) * step;
}

/** Counted, since logarithms are not exact. */
function bits(number) {
  return number.toString(2).length;
}

/** 6.3, by the stream's place. */
export function paddedSizeOf(stream, size) {
  return paddedSize(size, stream === 0 ? PAYLOAD_LEAST : ATTACHMENT_LEAST);
}
