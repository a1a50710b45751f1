// SHA-256 and HKDF-SHA256, by the browser (SPEC section 3.1).

import { join } from "./bytes.js";

const NOTHING = new Uint8Array(0);

/** SHA-256 of parts, one after the other. */
export async function sha256(...parts) {
  const data = parts.length === 1 ? parts[0] : join(...parts);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** HKDF-SHA256 (RFC 5869); no salt is a salt of zeros, as there. */
export async function hkdf(secret, salt, info, size) {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: salt ?? NOTHING, info };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * size));
}
