// Whether 32 bytes are an Ed25519 public key that may be used (SPEC section 3.2).
//
// Arithmetic on public values only, so it need not hide its time. Signatures are never verified here:
// the browser's own Ed25519 does that.

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

function mod(value) {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

const D = mod(-121665n * power(121666n, P - 2n));
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);

/** The point (x, y) that the bytes encode, or null: RFC 8032 section 5.1.3, every step that can refuse. */
function decode(bytes) {
  let number = 0n;
  for (let at = 31; at >= 0; at--) number = (number << 8n) | BigInt(bytes[at]);
  const sign = number >> 255n;
  const y = number & (2n ** 255n - 1n);
  if (y >= P) return null;
  const u = mod(y * y - 1n);
  const v = mod(D * y * y + 1n);
  // x = (u / v)^((p + 3) / 8), or that times the root of -1, or there is none.
  let x = mod(mod(u * power(v, 3n)) * power(mod(u * power(v, 7n)), (P - 5n) / 8n));
  const squared = mod(v * x * x);
  if (squared !== u) {
    if (squared !== mod(-u)) return null;
    x = mod(x * ROOT_OF_MINUS_1);
  }
  if (x === 0n && sign) return null;
  return { x: (x & 1n) === sign ? x : P - x, y };
}

// Extended coordinates: x = X/Z, y = Y/Z, T = XY/Z; the addition is complete on this curve (RFC 8032
// section 5.1.4), so no case is special, the identity and points of small order included.
function add(p, q) {
  const a = mod((p.y - p.x) * (q.y - q.x));
  const b = mod((p.y + p.x) * (q.y + q.x));
  const c = mod(2n * D * mod(p.t * q.t));
  const d = mod(2n * p.z * q.z);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { x: mod(e * f), y: mod(g * h), z: mod(f * g), t: mod(e * h) };
}

function isIdentity(p) {
  return p.x === 0n && p.y === p.z;
}

/** Canonical, on the curve, in the prime-order subgroup, not the identity. */
export function isAdmissible(bytes) {
  const affine = decode(bytes);
  if (affine === null) return false;
  const point = { ...affine, z: 1n, t: mod(affine.x * affine.y) };
  if (isIdentity(point)) return false;
  // [L]P is the identity exactly for the points whose order divides the prime L.
  let sum = { x: 0n, y: 1n, z: 1n, t: 0n };
  let doubled = point;
  for (let rest = L; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = add(sum, doubled);
    doubled = add(doubled, doubled);
  }
  return isIdentity(sum);
}
