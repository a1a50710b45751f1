"""Why the reader refuses: the codes of SPEC section 11."""


class RefusalError(Exception):
    """Bytes that break SPEC.md; `code` is one of section 11, `cause` the finer one inside a Directory."""

    def __init__(self, code: str, why: str, *, cause: str = "") -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why
        self.cause = cause or code


def must(holds: bool, code: str, why: str) -> None:
    if not holds:
        raise RefusalError(code, why)
