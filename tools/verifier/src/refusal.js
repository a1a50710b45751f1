// Why bytes are refused: a code of SPEC section 11 and a sentence for a person.

/** The only error that means "this is not what it should be"; anything else is a fault of this page. */
export class Refusal extends Error {
  constructor(code, why) {
    super(why);
    this.code = code;
  }
}

/** Refuse unless it is so. */
export function must(so, code, why) {
  if (!so) throw new Refusal(code, why);
}
